//! One try to upgrade: what each layer saw, in order, and the stage at which it ended. Facts end here.

mod conclude;
mod dialogue;
mod exchanges;
mod facts;
mod pending;
#[cfg(test)]
mod torture;

pub use conclude::{Conclusion, conclude};
pub use dialogue::Dialogue;
pub use facts::{
    Attempt, BODY_KEPT, CloseFrame, Obstacle, Ordinary, Request, Response, Session, Stage, Tls, Via, Violation, path_of,
};
pub use pending::Pending;

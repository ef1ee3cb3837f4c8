//! One connection as a passive observer sees it: sequence space, reassembly, state, history, marks.

mod community_id;
mod connection;
mod copies;
mod facts;
mod few;
mod history;
mod knocks;
#[cfg(test)]
mod ladders;
mod rare;
mod reassembly;
mod recent;
#[cfg(test)]
pub(crate) mod sample;
mod sequence;
mod table;
#[cfg(test)]
mod torture;

pub use crate::packet::Options;
pub use community_id::community_id;
pub use connection::Reader;
pub use facts::{
    At, Conflict, Data, Direction, Facts, Flight, Gap, GapCause, Idle, Marks, Place, Repeat, Reset, Roles, Seen, Side,
    Unheard,
};
pub use few::{Few, make_room};
pub use history::{History, state};
pub use knocks::Knocks;
pub use rare::{Blank, Rare};
pub use table::{Ended, Limits, Table};

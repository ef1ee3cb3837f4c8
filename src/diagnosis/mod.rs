//! Judgement: rules, one file each, in one list, and the engine that weighs them.

mod accepted;
mod chain;
mod closing;
mod credential;
mod cut;
mod defects;
mod engine;
mod hello;
mod hops;
mod icmp;
mod injected;
mod known;
#[cfg(test)]
mod ladder;
mod legs;
mod marks;
mod passage;
mod pauses;
mod plain;
mod protected;
mod redirect;
mod refusal;
mod refused_syn;
mod reply;
mod rule;
mod rules;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod scene;
mod silence;
mod silent_syn;
mod speaker;
#[cfg(test)]
mod staged;
mod tls_handshake;
mod waiting;
mod words;

pub use engine::{Considered, Finding, Verdict, diagnose};
pub use hops::{Change, Hop, JoinedBy, Position};
pub use rule::{Case, Confidence, Evidence, Guide, Match, Outcome, Rule, SaidBy, Text};
pub use rules::catalogue;

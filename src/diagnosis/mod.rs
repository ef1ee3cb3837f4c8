//! Judgement: rules, one file each, in one list, and the engine that weighs them.

mod engine;
mod marks;
mod rule;
mod rules;

pub use engine::{Considered, Finding, Verdict, diagnose};
pub use rule::{Case, Confidence, Evidence, Guide, Match, Outcome, Rule, SaidBy};
pub use rules::catalogue;

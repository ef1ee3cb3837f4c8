//! Tells from a packet capture alone why an HTTP upgrade failed.
//!
//! One road, from captures to a report: `capture` → `packet` → `tcp` → {`tls`, `http`, `websocket`} → `attempt` → `survey`
//! → `diagnosis` → `report`; `analysis` walks it. ARCHITECTURE.md tells the rooms and the invariants.

pub mod analysis;
pub mod attempt;
pub mod capture;
pub mod cli;
pub mod diagnosis;
pub mod fingerprint;
pub mod http;
pub mod octets;
pub mod packet;
pub mod report;
pub mod survey;
pub mod tcp;
pub mod tls;
pub mod websocket;

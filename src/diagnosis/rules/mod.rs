//! The catalogue: one file a cause, in one list, in the order in which equals win.

mod firewall_silent_drop_syn;
mod other;
mod tls_opaque;

use crate::diagnosis::rule::Rule;

/// Every rule.
static CATALOGUE: &[Rule] = &[firewall_silent_drop_syn::RULE, tls_opaque::RULE, other::RULE];

/// Every rule, in the order in which equals win.
pub fn catalogue() -> &'static [Rule] {
    CATALOGUE
}

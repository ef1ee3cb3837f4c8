//! The catalogue: one file a cause, in one list, in the order in which equals win.

mod authn_expired_token;
mod authn_invalid_credentials;
mod authn_invalid_token;
mod authn_missing_credentials;
mod authn_proxy_credentials;
mod authz_insufficient_role;
mod authz_policy;
mod capture_ended_early;
mod capture_gap;
mod capture_mid_stream;
mod capture_one_direction;
mod capture_snaplen;
mod client_gave_up;
mod firewall_block_page;
mod firewall_drop_synack;
mod firewall_fin_injected;
mod firewall_icmp_admin_prohibited;
mod firewall_icmp_host_prohibited;
mod firewall_icmp_port_unreachable;
mod firewall_idle_timeout;
mod firewall_l7_drop_after_request;
mod firewall_l7_drop_response;
mod firewall_mtu_blackhole;
mod firewall_rate_limit_drop;
mod firewall_reject_rst;
mod firewall_rst_injected;
mod firewall_silent_drop_syn;
mod firewall_sni_drop;
mod firewall_sni_fake_alert;
mod firewall_sni_rst;
mod firewall_stateful_invalid_drop;
mod handshake_bad_accept;
mod handshake_bad_upgrade_header;
mod handshake_bad_version;
mod handshake_data_after_101;
mod handshake_extension_mismatch;
mod handshake_http10;
mod handshake_missing_key;
mod handshake_subprotocol_mismatch;
mod host_not_allowed;
mod host_rewritten_by_proxy;
mod limits_body_too_large;
mod limits_header_too_large;
mod limits_rate;
mod limits_uri_too_long;
mod network_host_unreachable;
mod network_loss;
mod network_no_route;
mod network_request_never_arrived;
mod network_ttl_exceeded;
mod origin_missing;
mod origin_not_allowed;
mod origin_preflight_refused;
mod other;
mod proxy_bad_gateway;
mod proxy_connect_denied;
mod proxy_deny_rule;
mod proxy_gateway_timeout;
mod proxy_idle_timeout;
mod proxy_protocol_mismatch;
mod proxy_unavailable;
mod proxy_upgrade_header_stripped;
mod redirect_https;
mod redirect_login;
mod redirect_other;
mod route_http_only;
mod route_method_not_allowed;
mod route_not_found;
mod route_trailing_slash;
mod server_accept_queue_full;
mod server_closed_without_answer;
mod server_exception;
mod server_no_answer;
mod server_not_accepting;
mod server_not_http;
mod server_overloaded;
mod server_port_closed;
mod server_reset_after_request;
mod server_truncated_response;
mod server_ws_not_supported;
mod session_abnormal_close;
mod session_going_away;
mod session_message_too_big;
mod session_ping_timeout;
mod session_policy_violation;
mod session_protocol_error;
mod session_server_error;
mod tls_alert_other;
mod tls_alpn_h2_but_http11;
mod tls_bad_certificate;
mod tls_certificate_expired;
mod tls_certificate_revoked;
mod tls_client_certificate_required;
mod tls_client_closed;
mod tls_client_rejected_certificate;
mod tls_client_reset;
mod tls_handshake_timeout;
mod tls_hello_split_dropped;
mod tls_hostname_mismatch;
mod tls_no_application_protocol;
mod tls_no_shared_cipher;
mod tls_opaque;
mod tls_plaintext_to_tls_port;
mod tls_protocol_version;
mod tls_server_closed;
mod tls_server_closed_on_hello;
mod tls_server_reset_on_hello;
mod tls_server_speaks_plaintext;
mod tls_unknown_ca;
mod tls_unrecognized_name;
mod upgrade_ignored;
mod waf_block;
mod waf_challenge;

use std::{collections::BTreeMap, sync::LazyLock};

use crate::{attempt::Stage, diagnosis::rule::Rule};

/// Every rule.
static CATALOGUE: &[Rule] = &[
    authn_missing_credentials::RULE,
    authn_invalid_credentials::RULE,
    authn_invalid_token::RULE,
    authn_expired_token::RULE,
    authn_proxy_credentials::RULE,
    authz_insufficient_role::RULE,
    authz_policy::RULE,
    origin_not_allowed::RULE,
    origin_missing::RULE,
    origin_preflight_refused::RULE,
    host_not_allowed::RULE,
    host_rewritten_by_proxy::RULE,
    route_not_found::RULE,
    route_http_only::RULE,
    route_method_not_allowed::RULE,
    route_trailing_slash::RULE,
    handshake_missing_key::RULE,
    handshake_bad_version::RULE,
    handshake_bad_upgrade_header::RULE,
    handshake_http10::RULE,
    handshake_bad_accept::RULE,
    handshake_subprotocol_mismatch::RULE,
    handshake_extension_mismatch::RULE,
    handshake_data_after_101::RULE,
    upgrade_ignored::RULE,
    redirect_https::RULE,
    redirect_login::RULE,
    redirect_other::RULE,
    limits_rate::RULE,
    limits_header_too_large::RULE,
    limits_uri_too_long::RULE,
    limits_body_too_large::RULE,
    proxy_upgrade_header_stripped::RULE,
    proxy_deny_rule::RULE,
    proxy_connect_denied::RULE,
    proxy_bad_gateway::RULE,
    proxy_unavailable::RULE,
    proxy_gateway_timeout::RULE,
    proxy_idle_timeout::RULE,
    proxy_protocol_mismatch::RULE,
    waf_block::RULE,
    waf_challenge::RULE,
    server_exception::RULE,
    server_overloaded::RULE,
    server_ws_not_supported::RULE,
    server_closed_without_answer::RULE,
    server_reset_after_request::RULE,
    server_truncated_response::RULE,
    server_not_http::RULE,
    server_port_closed::RULE,
    server_not_accepting::RULE,
    server_accept_queue_full::RULE,
    server_no_answer::RULE,
    client_gave_up::RULE,
    firewall_silent_drop_syn::RULE,
    firewall_drop_synack::RULE,
    firewall_reject_rst::RULE,
    firewall_icmp_admin_prohibited::RULE,
    firewall_icmp_host_prohibited::RULE,
    firewall_icmp_port_unreachable::RULE,
    firewall_l7_drop_after_request::RULE,
    firewall_l7_drop_response::RULE,
    firewall_rst_injected::RULE,
    firewall_fin_injected::RULE,
    firewall_block_page::RULE,
    firewall_sni_drop::RULE,
    firewall_sni_rst::RULE,
    firewall_sni_fake_alert::RULE,
    firewall_rate_limit_drop::RULE,
    firewall_stateful_invalid_drop::RULE,
    firewall_mtu_blackhole::RULE,
    firewall_idle_timeout::RULE,
    network_host_unreachable::RULE,
    network_no_route::RULE,
    network_ttl_exceeded::RULE,
    network_loss::RULE,
    network_request_never_arrived::RULE,
    tls_unknown_ca::RULE,
    tls_certificate_expired::RULE,
    tls_hostname_mismatch::RULE,
    tls_certificate_revoked::RULE,
    tls_bad_certificate::RULE,
    tls_client_rejected_certificate::RULE,
    tls_client_certificate_required::RULE,
    tls_protocol_version::RULE,
    tls_no_shared_cipher::RULE,
    tls_no_application_protocol::RULE,
    tls_unrecognized_name::RULE,
    tls_handshake_timeout::RULE,
    tls_server_closed_on_hello::RULE,
    tls_server_reset_on_hello::RULE,
    tls_client_reset::RULE,
    tls_client_closed::RULE,
    tls_server_closed::RULE,
    tls_server_speaks_plaintext::RULE,
    tls_alpn_h2_but_http11::RULE,
    tls_hello_split_dropped::RULE,
    tls_alert_other::RULE,
    tls_plaintext_to_tls_port::RULE,
    tls_opaque::RULE,
    session_policy_violation::RULE,
    session_server_error::RULE,
    session_protocol_error::RULE,
    session_message_too_big::RULE,
    session_going_away::RULE,
    session_abnormal_close::RULE,
    session_ping_timeout::RULE,
    capture_ended_early::RULE,
    capture_mid_stream::RULE,
    capture_one_direction::RULE,
    capture_gap::RULE,
    capture_snaplen::RULE,
    other::RULE,
];

/// Every rule, in the order in which equals win.
pub fn catalogue() -> &'static [Rule] {
    CATALOGUE
}

/// The rule that is asked where none of the others tells the cause.
pub(super) static LAST: &Rule = &other::RULE;

/// The rules that are asked first about attempts that ended at `stage`, in the same order.
pub(super) fn asked_at(stage: Stage) -> &'static [&'static Rule] {
    static BY_STAGE: LazyLock<BTreeMap<Stage, Vec<&'static Rule>>> = LazyLock::new(|| {
        let mut by_stage = BTreeMap::<_, Vec<_>>::new();
        for rule in CATALOGUE.iter().filter(|rule| rule.id != LAST.id) {
            for &stage in rule.stages {
                by_stage.entry(stage).or_default().push(rule);
            }
        }
        by_stage
    });
    BY_STAGE.get(&stage).map(Vec::as_slice).unwrap_or_default()
}

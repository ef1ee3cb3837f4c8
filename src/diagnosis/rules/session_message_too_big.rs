//! An end closed because a message was too big for it.

use crate::{
    attempt::Stage,
    diagnosis::{
        closing::Closing,
        rule::{Case, Confidence, Guide, Match, Rule},
        tls_handshake::name,
    },
};

pub(super) const RULE: Rule = Rule {
    id: "session.message-too-big",
    name: "message too big",
    guide: Some(Guide::Server),
    stages: &[Stage::Open, Stage::Closed],
    sees: "A Close frame with 1009 (message too big).",
    means: "The other end sent a message, or a frame, longer than its sender of this Close allows. Common limits are 1 MiB (websockets), \
            16 MiB (uvicorn), 100 MiB (ws), 10 MiB (Tornado), 64 KiB and less in JVM servers.",
    ladder: "client                        server\n\
             |--- long message ------------>|\n\
             |<-- Close 1009 ---------------|",
    confused_with: &[
        ("session.policy-violation", "some servers say 1008 to long messages"),
        ("session.protocol-error", "1002 or 1007"),
    ],
    remedies: &[
        "Raise the limit of the end that closed (websockets: max_size; uvicorn: --ws-max-size; ws: maxPayload; Spring: \
         setMaxTextMessageBufferSize; Tornado: websocket_max_message_size).",
        "Or send the data in more messages; fragments of one message do not help.",
    ],
    references: &["RFC 6455 section 7.4.1 (1009)"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let closing = Closing::of(case)?;
    if closing.code() != Some(1009) {
        return None;
    }
    let summary = format!(
        "The {} closed because a message was too big for it: {}.",
        name(closing.by),
        closing.told()
    );
    Some(closing.found(Confidence::Confirmed, summary).weighing(60))
}

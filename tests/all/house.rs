//! The rules of the house, as ARCHITECTURE.md gives them, held against the source.

use std::collections::BTreeSet;

use crate::{
    fixtures::rewrites,
    program::{ask_at, top},
    source::{Source, line, places, sources},
};

/// The rooms, from the first to the last; those on one line know nothing of each other.
const ROOMS: &[&[&str]] = &[
    &["octets"],
    &["capture"],
    &["packet"],
    &["tcp"],
    PROTOCOLS,
    &["attempt"],
    &["survey"],
    &["fingerprint"],
    &["diagnosis"],
    &["report"],
    &["analysis"],
    &["cli"],
];

/// Rooms that parse octets, and know no packet, clock or connection.
const PROTOCOLS: &[&str] = &["tls", "http", "websocket"];

/// Crates that are named in some places only.
const CRATES: &[(&str, &[&str])] = &[
    ("pcap_parser", &["capture/"]),
    ("flate2", &["capture/", "diagnosis/words.rs", "tls/compression.rs"]),
    ("ruzstd", &["capture/"]),
    ("lz4_flex", &["capture/"]),
    ("etherparse", &["packet/"]),
    ("httparse", &["http/"]),
    ("x509_parser", &["tls/"]),
    ("aes", &["tls/"]),
    ("aes_gcm", &["tls/"]),
    ("aria", &["tls/"]),
    ("camellia", &["tls/"]),
    ("cbc", &["tls/"]),
    ("ccm", &["tls/"]),
    ("chacha20poly1305", &["tls/"]),
    ("cryptography", &["tls/seed.rs"]),
    ("des", &["tls/"]),
    ("hkdf", &["tls/"]),
    ("hmac", &["tls/"]),
    ("idea", &["tls/"]),
    ("rc4", &["tls/"]),
    ("rayon", &["analysis.rs"]),
    ("mimalloc", &["main.rs"]),
    ("clap", &["cli/"]),
    ("clap_complete", &["cli/"]),
    ("clap_mangen", &["cli/"]),
    ("indicatif", &["cli/"]),
    ("itoa", &["report/"]),
    ("tempfile", &["cli/"]),
    ("toml", &["fingerprint/"]),
    ("schemars", &["report/"]),
    ("serde_json", &["report/", "cli/"]),
];

/// What must not be in the program, where, and why.
const FORBIDDEN: &[(&[&str], &[&str], &str)] = &[
    (
        &["unwrap()", "expect(\""],
        &[],
        "every octet may be written by an attacker: nothing may panic",
    ),
    (
        &["panic!", "unreachable!", "todo!", "unimplemented!"],
        &[],
        "every octet may be written by an attacker: nothing may panic",
    ),
    (
        &["println!", "print!", "eprintln!", "eprint!", "dbg!"],
        &[],
        "a closed pipe must not make the program panic",
    ),
    (&["SystemTime", "Instant"], &["cli/"], "no clock may decide a report"),
    (
        &["std::env", "env::"],
        &["cli/", "main.rs"],
        "no environment may decide a report",
    ),
    (
        &["fastrand", "RandomState", "thread_rng"],
        &[],
        "nothing random may decide a report",
    ),
    (
        &["std::net::TcpStream", "UdpSocket", "std::process"],
        &["cli/", "main.rs"],
        "a capture is all that is looked at",
    ),
    (
        &["std::thread", "thread::"],
        &["analysis.rs"],
        "the only file that knows of threads is analysis.rs",
    ),
];

/// Where one of these is allowed all the same.
const ALLOWED: &[(&str, &str)] = &[
    // A table's seed is random so that nobody can write addresses that collide; nothing is told in a table's order.
    ("tcp/table.rs", "RandomState"),
];

#[test]
fn a_room_uses_only_rooms_above_it() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(room) = source.room() else { continue };
        let Some(mine) = floor(room) else {
            wrong.push(format!("{}: {room} is not one of the rooms", source.path));
            continue;
        };
        for (place, used) in used_rooms(&source.code) {
            let above = floor(&used).is_some_and(|floor| floor < mine) || used == room;
            let known_to_protocols = !PROTOCOLS.contains(&room) || used == room || used == "octets";
            if !above || !known_to_protocols {
                wrong.push(format!(
                    "{}:{}: {room} uses {used}",
                    source.path,
                    line(&source.code, place)
                ));
            }
        }
        wrong.extend(leaves_by_the_back_door(&source));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn floor(room: &str) -> Option<usize> {
    ROOMS.iter().position(|rooms| rooms.contains(&room))
}

/// What stands behind each `crate::`, also in braces.
fn used_rooms(code: &str) -> Vec<(usize, String)> {
    let mut used = Vec::new();
    for place in places(code, "crate::") {
        let after = &code[place + "crate::".len()..];
        match after.strip_prefix('{') {
            Some(group) => used.extend(first_words(group).into_iter().map(|room| (place, room))),
            None => used.push((place, first_word(after))),
        }
    }
    used
}

fn first_word(path: &str) -> String {
    path.trim_start()
        .chars()
        .take_while(|it| it.is_alphanumeric() || *it == '_')
        .collect()
}

/// The first word of each path in a group, up to the brace that ends the group.
fn first_words(group: &str) -> Vec<String> {
    let (mut words, mut depth, mut begin) = (Vec::new(), 0, 0);
    for (at, octet) in group.bytes().enumerate() {
        match octet {
            b'{' => depth += 1,
            b'}' if depth > 0 => depth -= 1,
            b'}' | b',' if depth == 0 => {
                words.push(first_word(&group[begin..at]));
                begin = at + 1;
                if octet == b'}' {
                    break;
                }
            }
            _ => {}
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// More `super::` than the file is deep would lead into other rooms without their names.
fn leaves_by_the_back_door(source: &Source) -> Vec<String> {
    let tests = source.code.find("mod tests {").unwrap_or(source.code.len());
    let mut wrong = Vec::new();
    let mut after_last = 0;
    for place in places(&source.code, "super::") {
        if place < after_last {
            continue;
        }
        let mut supers = 0;
        while source.code[place + supers * "super::".len()..].starts_with("super::") {
            supers += 1;
        }
        after_last = place + supers * "super::".len();
        if supers > source.depth() + usize::from(place > tests) {
            wrong.push(format!(
                "{}:{}: leaves its room",
                source.path,
                line(&source.code, place)
            ));
        }
    }
    wrong
}

#[test]
fn what_is_used_is_seen() {
    let code =
        "use crate::{\n a::{b, c},\n d,\n e::f::{g, h::{i}},\n};\nuse crate::j::k; fn l(m: crate::n::O) {} incrate::p";
    let used: Vec<String> = used_rooms(code).into_iter().map(|(_, room)| room).collect();
    assert_eq!(used, ["a", "d", "e", "j", "n"]);
}

#[test]
fn crates_are_named_in_their_rooms_only() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (name, rooms) in CRATES {
            if rooms.iter().any(|room| source.path.starts_with(room)) {
                continue;
            }
            // etherparse may write packets for tests anywhere, and every test may make temporary files.
            let code = if matches!(*name, "etherparse" | "tempfile" | "serde_json") {
                &source.program
            } else {
                &source.code
            };
            let named = [format!("{name}::"), format!("use {name}")]
                .into_iter()
                .flat_map(|it| places(code, &it));
            wrong.extend(named.map(|place| format!("{}:{}: names {name}", source.path, line(code, place))));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_forbidden_is_not_there() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (words, rooms, why) in FORBIDDEN {
            if rooms.iter().any(|room| source.path.starts_with(room)) {
                continue;
            }
            for word in *words {
                if ALLOWED.contains(&(source.path.as_str(), word)) {
                    continue;
                }
                // What is called for a text is recognised by the quote, which is blank in the code.
                let (code, quote) = word.strip_suffix('"').map_or((*word, ""), |code| (code, "\""));
                let found = places(&source.program, code).into_iter();
                let found = found.filter(|it| source.text[it + code.len()..].starts_with(quote));
                wrong.extend(found.map(|it| format!("{}:{}: {word}: {why}", source.path, line(&source.program, it))));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_in_a_sentence_what_it_is_for() {
    let mut wrong = Vec::new();
    for source in sources() {
        let first: Vec<&str> = source.text.lines().map_while(|it| it.strip_prefix("//! ")).collect();
        let first = first.join(" ");
        let begins = first.chars().next().is_some_and(|it| !it.is_lowercase());
        if !begins || !first.ends_with(['.', '?']) || first.len() < 12 {
            wrong.push(format!("{}: {first:?}", source.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn tests_stand_last_in_a_file() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(begin) = source.code.find("#[cfg(test)]\nmod tests {") else {
            continue;
        };
        if !source.program[begin..].trim().is_empty() {
            wrong.push(source.path);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_a_file_of_its_name() {
    let rules: Vec<Source> = sources()
        .into_iter()
        .filter(|it| it.path.starts_with("diagnosis/rules/"))
        .collect();
    let mut wrong = Vec::new();
    for source in rules
        .iter()
        .filter(|it| !it.path.ends_with("/mod.rs") && it.program.contains("const RULE"))
    {
        let name = source
            .path
            .trim_start_matches("diagnosis/rules/")
            .trim_end_matches(".rs");
        let id = source
            .text
            .split("id: \"")
            .nth(1)
            .and_then(|it| it.split('"').next())
            .unwrap_or_default();
        if id.replace(['.', '-'], "_") != name {
            wrong.push(format!("{}: tells {id:?}", source.path));
        }
    }
    let files: BTreeSet<String> = rules
        .iter()
        .filter(|it| it.program.contains("const RULE"))
        .map(|it| it.path.clone())
        .collect();
    let told = upgradescope::diagnosis::catalogue().len();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        files.len(),
        told,
        "a rule is not in the catalogue, or has no file of its own: {files:?}"
    );
}

#[test]
fn unsafe_code_is_forbidden() {
    let manifest = std::fs::read_to_string(top().join("Cargo.toml")).unwrap();
    let lints = manifest.split("[lints.rust]").nth(1).unwrap_or_default();
    let lints = lints.split("\n[").next().unwrap_or_default();
    assert!(
        lints.lines().any(|it| it.trim() == "unsafe_code = \"forbid\""),
        "Cargo.toml does not forbid unsafe code"
    );
    let allows = sources()
        .into_iter()
        .filter(|it| it.code.contains("allow(unsafe_code)"));
    assert_eq!(allows.map(|it| it.path).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn the_pages_tell_what_is_there() {
    let page = |name: &str| std::fs::read_to_string(top().join(name)).unwrap();
    let (readme, architecture) = (page("README.md"), page("ARCHITECTURE.md"));
    for room in ROOMS.iter().flat_map(|rooms| rooms.iter()) {
        assert!(
            architecture.contains(&format!("`{room}")),
            "ARCHITECTURE.md does not tell of {room}"
        );
    }
    let manifest = page("Cargo.toml");
    let section = |name: &str| {
        manifest
            .split(&format!("[{name}]"))
            .nth(1)
            .unwrap()
            .split("\n[")
            .next()
            .unwrap()
            .to_owned()
    };
    for dependency in section("dependencies")
        .lines()
        .filter_map(|it| it.split_once(" = ").map(|(name, _)| name.to_owned()))
    {
        assert!(
            architecture.contains(&format!("`{dependency}`")),
            "ARCHITECTURE.md does not say why {dependency} is used"
        );
    }
    for subcommand in ["analyze", "explain", "causes", "schema", "completions", "man"] {
        assert!(
            readme.contains(&format!("upgradescope {subcommand}")),
            "README.md does not tell of {subcommand}"
        );
    }
}

#[test]
fn the_readme_shows_what_the_program_prints() {
    let path = top().join("README.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let begin = page
        .find(EXAMPLE)
        .expect("README.md shows a command and what it prints")
        + EXAMPLE.len();
    let end = begin + page[begin..].find("```").unwrap();
    let (command, shown) = page[begin..end].split_once('\n').unwrap();
    let arguments: Vec<&str> = command.split_whitespace().skip(1).collect();
    let printed = ask_at(&top(), &arguments);
    if rewrites() {
        let page = format!("{}{command}\n{}{}", &page[..begin], printed.text(), &page[end..]);
        std::fs::write(path, page).unwrap();
    } else {
        assert_eq!(
            shown,
            printed.text(),
            "UPGRADESCOPE_REWRITE=1 puts into README.md what `{command}` prints"
        );
    }
}

/// What stands before the command whose output is shown.
const EXAMPLE: &str = "```console\n$ ";

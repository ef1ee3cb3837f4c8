//! The project's own source, as much as is needed to hold it to the rules of the house: code without comments, texts and tests.

use std::{fs, path::Path};

use crate::program::top;

/// One file of `src/`.
pub(crate) struct Source {
    /// Its path in `src/`, with `/`.
    pub(crate) path: String,
    /// As it stands.
    pub(crate) text: String,
    /// Its code: comments and what stands between quotes are blank.
    pub(crate) code: String,
    /// Its code without what is compiled for tests only.
    pub(crate) program: String,
}

/// Every file of `src/`.
pub(crate) fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    walk(&top().join("src"), &mut paths);
    let read = |path: String| {
        let text = fs::read_to_string(top().join("src").join(&path)).unwrap();
        let code = code(&text);
        let program = without_tests(&code);
        Source {
            path,
            text,
            code,
            program,
        }
    };
    let mut sources: Vec<Source> = paths.into_iter().map(read).collect();
    for_tests_only(&mut sources);
    sources
}

fn walk(folder: &Path, paths: &mut Vec<String>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(&path, paths);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let inside = path.strip_prefix(top().join("src")).unwrap();
            paths.push(inside.to_string_lossy().replace('\\', "/"));
        }
    }
}

/// Files whose module is declared for tests hold no code of the program.
fn for_tests_only(sources: &mut [Source]) {
    let mut files = Vec::new();
    for source in sources.iter() {
        let folder = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for after in source.code.split("#[cfg(test)]").skip(1) {
            let item = after.split(';').next().unwrap_or_default().trim();
            if let Some(name) = item
                .strip_prefix("mod ")
                .or_else(|| item.strip_prefix("pub(crate) mod "))
            {
                files.push(format!("{folder}/{name}.rs").trim_start_matches('/').to_owned());
                files.push(format!("{folder}/{name}/mod.rs").trim_start_matches('/').to_owned());
            }
        }
    }
    for source in sources.iter_mut().filter(|source| files.contains(&source.path)) {
        source.program.clear();
    }
}

impl Source {
    /// The room that the file belongs to; none for `lib.rs` and `main.rs`.
    pub(crate) fn room(&self) -> Option<&str> {
        let room = self.path.split('/').next().unwrap_or_default();
        let room = room.strip_suffix(".rs").unwrap_or(room);
        (!matches!(room, "lib" | "main")).then_some(room)
    }

    /// How many modules deep the file is in its room.
    pub(crate) fn depth(&self) -> usize {
        let folders = self.path.matches('/').count();
        let is_door = self.path.ends_with("/mod.rs") || folders == 0;
        if is_door { folders.saturating_sub(1) } else { folders }
    }
}

/// The line of an offset.
pub(crate) fn line(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

/// Where `word` stands in `code` as a word of its own.
pub(crate) fn places(code: &str, word: &str) -> Vec<usize> {
    let is_part = |it: Option<char>| it.is_some_and(|it| it.is_alphanumeric() || it == '_');
    let alone = |place: &usize| {
        let (before, after) = (
            code[..*place].chars().next_back(),
            code[place + word.len()..].chars().next(),
        );
        let begins = word.starts_with(|it: char| it.is_alphanumeric());
        let ends = word.ends_with(|it: char| it.is_alphanumeric());
        !(begins && is_part(before) || ends && is_part(after))
    };
    code.match_indices(word).map(|(place, _)| place).filter(alone).collect()
}

/// `text` with comments and what stands between quotes made blank; every character stays in its place.
fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = foreign(rest, code.chars().next_back());
        let (piece, after) = rest.split_at(length.unwrap_or(next.len_utf8()));
        if length.is_some() {
            piece
                .bytes()
                .for_each(|octet| code.push(if octet == b'\n' { '\n' } else { ' ' }));
        } else {
            code.push_str(piece);
        }
        rest = after;
    }
    code
}

/// How long the comment or the quoted text is that begins here, if one does.
fn foreign(rest: &str, before: Option<char>) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(rest.find("*/").map_or(rest.len(), |end| end + 2));
    }
    let in_word = before.is_some_and(|it| it.is_alphanumeric() || it == '_');
    let raw = rest
        .strip_prefix("br")
        .or_else(|| rest.strip_prefix('r'))
        .filter(|_| !in_word);
    if let Some(raw) = raw {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let begin = rest.len() - raw.len() + hashes + 1;
            return Some(rest[begin..].find(&end).map_or(rest.len(), |at| begin + at + end.len()));
        }
    }
    if rest.starts_with('"') {
        return Some(quoted(rest, '"'));
    }
    // 'a' and '\n' are characters, 'a is a lifetime.
    let mut after = rest.strip_prefix('\'')?.chars();
    let first = after.next()?;
    (first == '\\' || after.next() == Some('\'')).then(|| quoted(rest, '\''))
}

/// How long the text between `quote` and `quote` is that begins here.
fn quoted(rest: &str, quote: char) -> usize {
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            it if it == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `code` with every item that is compiled for tests only made blank.
fn without_tests(code: &str) -> String {
    let mut program = code.to_owned();
    for (begin, mark) in code.match_indices("#[cfg(test)]") {
        let end = begin + mark.len() + item(&code[begin + mark.len()..]);
        let blank: String = code[begin..end]
            .bytes()
            .map(|it| if it == b'\n' { '\n' } else { ' ' })
            .collect();
        program.replace_range(begin..end, &blank);
    }
    program
}

/// How long the item is that begins here: to its semicolon, or to the end of its braces.
fn item(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, octet) in code.bytes().enumerate() {
        match octet {
            b'{' => depth += 1,
            b'}' if depth == 1 => return at + 1,
            b'}' => depth -= 1,
            b';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

#[test]
fn comments_texts_and_tests_are_blank() {
    let text =
        "fn a<'x>() { b(\"c::d\", '\"', r#\"e\"f\"#, 'g'); } // h\n/* i\n */ j\n#[cfg(test)]\nmod k { fn l() {} }\nm";
    let blank = code(text);
    assert_eq!(blank.len(), text.len());
    assert_eq!(blank.lines().count(), text.lines().count());
    let words = |code: &str| code.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        words(&blank),
        "fn a<'x>() { b( , , , ); } j #[cfg(test)] mod k { fn l() {} } m"
    );
    assert_eq!(words(&without_tests(&blank)), "fn a<'x>() { b( , , , ); } j m");
    assert_eq!(places("a.b() ab() a_b b", "b"), [2, 15]);
}

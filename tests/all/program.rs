//! The program as its user meets it: arguments in, standard output, standard error and an exit status out.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What the program had to say.
pub(crate) struct Answer {
    pub(crate) status: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Answer {
    /// Standard output as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.out).expect("standard output is UTF-8")
    }
}

/// Where the fixtures are.
pub(crate) fn fixtures() -> PathBuf {
    top().join("fixtures")
}

/// Where the project is.
pub(crate) fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The program, about to be run among the fixtures, out of reach of the environment of who runs the tests.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_upgradescope"));
    command.current_dir(fixtures()).stdin(Stdio::null());
    for name in ["COLUMNS", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "SSLKEYLOGFILE"] {
        command.env_remove(name);
    }
    command
}

/// Asks the program among the fixtures.
pub(crate) fn ask(arguments: &[&str]) -> Answer {
    ask_at(&fixtures(), arguments)
}

/// Asks the program in `folder`.
pub(crate) fn ask_at(folder: &Path, arguments: &[&str]) -> Answer {
    let output = program().current_dir(folder).args(arguments).output().unwrap();
    Answer {
        status: output.status.code(),
        out: output.stdout,
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Asks the program among the fixtures, with `input` as its standard input.
pub(crate) fn ask_with(input: &[u8], arguments: &[&str]) -> Answer {
    let mut child = program()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writing = std::thread::spawn(move || {
        // The program may have seen enough before the end.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    Answer {
        status: output.status.code(),
        out: output.stdout,
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Tells whoever runs the tests something, also when they pass.
pub(crate) fn tell(text: &str) {
    // What a macro prints is only shown if the test fails.
    let _ = writeln!(std::io::stderr(), "{text}");
}

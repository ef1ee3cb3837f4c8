//! `upgradescope completions`: what a shell needs to complete the command line.

use clap::Args;
use clap_complete::{Shell, generate};

use super::{Answer, Status, command, output::print};

/// Print the completions for a shell
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  upgradescope completions bash > ~/.local/share/bash-completion/completions/upgradescope
  upgradescope completions fish > ~/.config/fish/completions/upgradescope.fish";

impl Completions {
    pub(super) fn run(self) -> Answer {
        // Into memory first: the generator panics when it cannot write.
        let mut script = Vec::new();
        generate(self.shell, &mut command(), "upgradescope", &mut script);
        print(|to| to.write_all(&script)).map(|()| Status::Well)
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_learns_every_subcommand() {
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            generate(*shell, &mut command(), "upgradescope", &mut script);
            let script = String::from_utf8(script).unwrap();
            for subcommand in command().get_subcommands() {
                assert!(
                    script.contains(subcommand.get_name()),
                    "{shell}: {}",
                    subcommand.get_name()
                );
            }
        }
    }
}

//! `upgradescope man`: the manual page.

use std::io::{self, Write};

use clap::Args;
use clap_mangen::Man as Page;

use super::{Answer, Status, command, output::print};

/// Print the manual page
#[derive(Args)]
#[command(after_help = "Example:\n  upgradescope man | man -l -")]
pub(super) struct Man {}

impl Man {
    pub(super) fn run(self) -> Answer {
        print(|to| page(to)).map(|()| Status::Well)
    }
}

/// One page for all subcommands; the arguments of each stand in a section of their own.
fn page(mut to: &mut dyn Write) -> io::Result<()> {
    let mut command = command().disable_help_subcommand(true);
    command.build();
    let page = Page::new(command.clone());
    page.render_title(&mut to)?;
    page.render_name_section(&mut to)?;
    page.render_synopsis_section(&mut to)?;
    page.render_description_section(&mut to)?;
    page.render_subcommands_section(&mut to)?;
    for subcommand in command
        .get_subcommands()
        .filter(|it| it.get_arguments().any(|it| it.get_id() != "help"))
    {
        let mut options = Vec::new();
        let heading = format!(".SH \"{} options\"", subcommand.get_name()).to_uppercase();
        Page::new(subcommand.clone().mut_arg("help", |help| help.hide(true))).render_options_section(&mut options)?;
        to.write_all(
            String::from_utf8_lossy(&options)
                .replacen(".SH OPTIONS", &heading, 1)
                .as_bytes(),
        )?;
    }
    page.render_extra_section(&mut to)?;
    page.render_version_section(&mut to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_in_the_page() {
        let mut written = Vec::new();
        page(&mut written).unwrap();
        let text = String::from_utf8(written).unwrap().replace('\\', "");
        for option in command()
            .get_subcommands()
            .flat_map(|it| it.get_arguments())
            .filter_map(|it| it.get_long())
        {
            assert!(text.contains(&format!("--{option}")), "{option}");
        }
        assert_eq!(text.matches(".TH ").count(), 1);
        assert!(text.contains("\n.SH \"ANALYZE OPTIONS\"\n"), "{text}");
    }
}

//! The root of the command line: options that every command takes, and which command it is.

use std::ffi::OsString;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::commands::{
    attach, audit, build_profile, check, completions, compose, create_image, detect, diff, doctor,
    exec, explain, hooks, keep, layer, list_containers, list_images, log, logs, man, notes,
    overlay, record, remove, resume, save, start_image, stop, update_image,
};
use crate::proc;
use crate::report::report;
use crate::ui::{self, Printer};

/// Throw-away containers that hold a full clone of a large repository, in seconds
///
/// Builds an image of a branch, adds thin layers as the branch moves, and starts containers
/// whose work is pushed back to the host repository.
#[derive(Debug, Parser)]
#[command(name = "git-dkr", bin_name = "git dkr", version, max_term_width = 100)]
#[command(
    after_help = "To begin with: git dkr create-image, then git dkr start-image -- make check"
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Global {
    /// Say nothing but warnings and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Show each command that is run, ready to paste, and all of a build's output
    #[arg(short, long, global = true)]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(visible_alias = "ci")]
    CreateImage(create_image::CreateImage),
    #[command(visible_alias = "ui")]
    UpdateImage(update_image::UpdateImage),
    #[command(visible_aliases = ["si", "start-container", "sc"])]
    StartImage(start_image::StartImage),
    #[command(visible_alias = "ls")]
    ListImages(list_images::ListImages),
    #[command(visible_alias = "ps")]
    ListContainers(list_containers::ListContainers),
    Attach(attach::Attach),
    Exec(exec::Exec),
    Logs(logs::Logs),
    Diff(diff::Diff),
    Log(log::Log),
    Check(check::Check),
    Explain(explain::Explain),
    Audit(audit::Audit),
    Notes(notes::Notes),
    Hooks(hooks::Hooks),
    Detect(detect::Detect),
    Layer(layer::Layer),
    Compose(compose::Compose),
    Overlay(overlay::Overlay),
    Record(record::Record),
    BuildProfile(build_profile::BuildProfile),
    Save(save::Save),
    Resume(resume::Resume),
    Stop(stop::Stop),
    Remove(remove::Remove),
    Doctor(doctor::Doctor),
    Keep(keep::Keep),
    Completions(completions::Completions),
    Man(man::Man),
}

/// The command line's grammar, for completions and the manual.
pub fn grammar() -> clap::Command {
    Cli::command()
}

/// Runs a command line, program name first; the exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(code) = hooks::run_by_git(&args) {
        return code;
    }
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are asked for; a closed pipe is nobody's fault.
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    let options = ui::Options {
        quiet: cli.global.quiet,
        verbose: cli.global.verbose,
    };
    ui::echo_commands(options.verbose);
    let printer = Printer::new(options);
    let outcome = proc::catch_signals().and_then(|()| match cli.command {
        Command::CreateImage(command) => command.run(printer),
        Command::UpdateImage(command) => command.run(printer),
        Command::StartImage(command) => command.run(printer),
        Command::ListImages(command) => command.run(printer),
        Command::ListContainers(command) => command.run(printer),
        Command::Attach(command) => command.run(printer),
        Command::Exec(command) => command.run(printer),
        Command::Logs(command) => command.run(printer),
        Command::Diff(command) => command.run(printer),
        Command::Log(command) => command.run(printer),
        Command::Check(command) => command.run(printer),
        Command::Explain(command) => command.run(printer),
        Command::Audit(command) => command.run(printer),
        Command::Notes(command) => command.run(printer),
        Command::Hooks(command) => command.run(printer),
        Command::Detect(command) => command.run(printer),
        Command::Layer(command) => command.run(printer),
        Command::Compose(command) => command.run(printer),
        Command::Overlay(command) => command.run(printer),
        Command::Record(command) => command.run(printer),
        Command::BuildProfile(command) => command.run(printer),
        Command::Save(command) => command.run(printer),
        Command::Resume(command) => command.run(printer),
        Command::Stop(command) => command.run(printer),
        Command::Remove(command) => command.run(printer),
        Command::Doctor(command) => command.run(printer),
        Command::Keep(command) => command.run(printer),
        Command::Completions(command) => command.run(&grammar()),
        Command::Man(command) => command.run(grammar()),
    });
    match outcome {
        Ok(code) => code,
        Err(error) => report(&error, printer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_holds_together() {
        grammar().debug_assert();
    }
}

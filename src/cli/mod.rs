//! The command line, one file per command.

mod check;
mod client;
mod completions;
mod configs;
mod demo;
mod failure;
mod fmt;
mod history;
mod import;
mod init;
mod phone;
mod phones;
mod places;
mod plan;
mod reboot;
mod release;
mod reload;
mod report;
mod run;
mod schema;
mod simulate;
mod status;
mod test;
mod why;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use client::Client;
pub use failure::Failure;
use report::Screen;

use crate::clock::SystemClock;
use crate::ports::Clock;

/// Reboots and updates SIP desk phones without ever interrupting a call.
#[derive(Debug, Parser)]
#[command(name = "sipherd", version, arg_required_else_help = true, disable_help_subcommand = true)]
pub struct Args {
    /// The daemon's configuration
    #[arg(long, global = true, value_name = "FILE", default_value = "/etc/sipherd/sipherd.toml")]
    config: PathBuf,
    /// The daemon's socket, when it is not the one in the configuration
    #[arg(long, global = true, value_name = "PATH", env = "SIPHERD_SOCKET")]
    socket: Option<PathBuf>,
    /// Print JSON for programs instead of text for people
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon
    Run,
    /// Check configuration and policies: every problem with its place, then the next openings
    Check(check::Options),
    /// Play the tests that stand in policies, and tell which rules none of them holds up
    Test(test::Options),
    /// Lay configuration files out in the one usual way; comments and values stay
    Fmt(fmt::Options),
    /// Print the JSON Schema of a kind of file, for editors
    Schema(schema::Options),
    /// Write a first configuration, by asking or from options
    Init(init::Options),
    /// Read what another system told its phones, and write the policy that says the same
    Import {
        #[command(subcommand)]
        from: import::From,
    },
    /// Show a whole night in a minute: simulated phones, a pocket PBX and the daemon on loopback
    Demo(demo::Options),
    /// Show the daemon at a glance
    Status,
    /// List phones
    Phones(phones::Options),
    /// Show one phone and what happened to it
    Phone(phone::Options),
    /// Tell why a phone waits: every gate and its answer
    Why(why::Options),
    /// Tell who would go when, who not and why, when it ends, and what holds it up
    Plan(plan::Options),
    /// Play nights on paper: phones from an inventory or made up, calls made up or from call records
    Simulate(simulate::Options),
    /// Reboot phones in their windows, or now, but never in a call
    Reboot(reboot::Options),
    /// Show what happened
    History(history::Options),
    /// Stage firmware, list it, and hash it again
    Release {
        #[command(subcommand)]
        verb: ReleaseVerb,
    },
    /// Show the configurations that phones have handed in, and what differs
    Configs {
        #[command(subcommand)]
        verb: configs::Verb,
    },
    /// Make the daemon read configuration, policies and releases again
    Reload,
    /// Print a completion script for a shell
    Completions(completions::Options),
    /// Print the manual page
    Man,
}

#[derive(Debug, Subcommand)]
enum ReleaseVerb {
    /// Stage an image, or a folder with a manifest
    Add {
        /// The image or the folder
        source: PathBuf,
        /// The name that policies use, where no manifest gives one
        #[arg(long)]
        name: Option<String>,
    },
    /// List what is staged
    List,
    /// Hash every staged image again
    Verify,
}

impl Args {
    /// Reads the words of a command line, the program's own name first.
    pub fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        Self::try_parse_from(words)
    }

    /// Whether a program asks: its errors are JSON too.
    pub fn is_json(&self) -> bool {
        self.json
    }
}

/// Prints help, the version, or what is wrong with the words; the user can mend the latter, so its status is 1.
pub fn explain_usage(usage: &clap::Error, json: bool) -> ExitCode {
    if json && usage.use_stderr() {
        let text = usage.render().to_string();
        // The first paragraph tells the mistake; what follows shows the usage.
        let what = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
        let what: Vec<&str> = what.split_whitespace().collect();
        failure::print(&what.join(" "), Some("`--help` shows what can be written".to_owned()), true);
        return ExitCode::from(1);
    }
    // Nothing is left to be done when the terminal is gone.
    let _ = usage.print();
    if usage.exit_code() == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// Does what the words say.
pub fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Run => run::run(&args.config),
        Command::Check(mut options) => {
            if args.json {
                options.format = check::Format::Json;
            }
            match check::run(&options, &args.config, SystemClock.now(), &mut io::stdout().lock())? {
                check::Verdict::Clean => Ok(()),
                check::Verdict::Broken => Err(Failure::AlreadyTold),
            }
        }
        Command::Test(options) => {
            test::run(&options, &args.config, &mut Screen::of_stdout(args.json), SystemClock.now())
        }
        Command::Fmt(options) => fmt::run(&options, &args.config, args.json, &mut io::stdout().lock()),
        Command::Schema(options) => schema::run(&options, &mut io::stdout().lock()),
        Command::Init(options) => init::run(&options, args.json, SystemClock.now()),
        Command::Import { from: import::From::Innovaphone(options) } => {
            import::run(&options, SystemClock.now(), args.json, &mut io::stdout().lock())
        }
        Command::Demo(options) => demo::run(&options, args.json),
        Command::Plan(options) if options.is_offline() => {
            plan::run_offline(&options, &args.config, SystemClock.now(), &mut Screen::of_stdout(args.json))
        }
        Command::Configs { verb } => {
            configs::run(&verb, &args.config, SystemClock.now(), &mut Screen::of_stdout(args.json))
        }
        Command::Release { verb } => stage(&args.config, args.socket, verb, args.json),
        Command::Simulate(options) => {
            simulate::run(&options, &args.config, SystemClock.now(), &mut Screen::of_stdout(args.json))
        }
        Command::Completions(options) => completions::print_completions(&options),
        Command::Man => completions::print_manual(),
        asking => {
            let socket = match args.socket {
                Some(path) => path,
                None => places::socket(&args.config)?,
            };
            let mut screen = Screen::of_stdout(args.json);
            on_this_thread(ask(asking, &Client::new(socket), &mut screen))?
        }
    }
}

/// Firmware is staged where the daemon keeps its state; one that runs is told of what was added.
fn stage(config: &Path, socket: Option<PathBuf>, verb: ReleaseVerb, json: bool) -> Result<(), Failure> {
    let state = places::state(config)?;
    let socket = match socket {
        Some(path) => path,
        None => places::socket(config)?,
    };
    let adds = matches!(verb, ReleaseVerb::Add { .. });
    let out = &mut io::stdout().lock();
    let ending = match verb {
        ReleaseVerb::Add { source, name } => release::add(&state, &source, name.as_deref(), json, out)?,
        ReleaseVerb::List => release::list(&state, json, out)?,
        ReleaseVerb::Verify => release::verify(&state, json, out)?,
    };
    if ending != release::Ending::Done {
        return Err(Failure::Release(ending));
    }
    if !adds {
        return Ok(());
    }
    match on_this_thread(reload::tell(&Client::new(socket)))? {
        // Nobody to tell: a daemon that is started later sees what is staged.
        Ok(()) | Err(Failure::NotRunning { .. }) => Ok(()),
        Err(failure) => Err(failure),
    }
}

fn on_this_thread<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Machine)?;
    Ok(runtime.block_on(work))
}

async fn ask(command: Command, client: &Client, screen: &mut Screen) -> Result<(), Failure> {
    match command {
        Command::Status => status::run(client, screen).await,
        Command::Phones(options) => phones::run(&options, client, screen).await,
        Command::Phone(options) => phone::run(&options, client, screen).await,
        Command::Why(options) => why::run(&options, client, screen).await,
        Command::Plan(options) => plan::run(&options, client, screen).await,
        Command::Reboot(options) => reboot::run(options, client, screen).await,
        Command::History(options) => history::run(&options, client, screen).await,
        Command::Reload => reload::run(client, screen).await,
        Command::Run
        | Command::Check(_)
        | Command::Test(_)
        | Command::Fmt(_)
        | Command::Init(_)
        | Command::Schema(_)
        | Command::Import { .. }
        | Command::Demo(_)
        | Command::Simulate(_)
        | Command::Release { .. }
        | Command::Configs { .. }
        | Command::Completions(_)
        | Command::Man => Ok(()),
    }
}

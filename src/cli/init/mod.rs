//! `sipherd init`: a first configuration, by asking or from options, checked before anything is written.

mod answers;
mod papers;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::Args;
use rand::distr::{Alphanumeric, SampleString};

use super::Failure;
use crate::config;
use answers::{Answers, Asker};
use papers::Paper;

/// Where, and what is known already.
#[derive(Debug, Args)]
pub struct Options {
    /// The folder to write into
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// The time zone of the windows [default: this machine's]
    #[arg(long)]
    zone: Option<String>,
    /// The address of this machine as phones see it [default: the one it reaches the world from]
    #[arg(long)]
    address: Option<String>,
    /// The manager interface of the Asterisk [default: 127.0.0.1:5038]
    #[arg(long, value_name = "HOST:PORT")]
    ami: Option<String>,
    /// The user of manager.conf [default: sipherd]
    #[arg(long, value_name = "NAME")]
    ami_user: Option<String>,
    /// The maker of the phones that the first policy speaks of [default: snom]
    #[arg(long)]
    vendor: Option<String>,
    /// The folder for all that must survive a restart [default: /var/lib/sipherd]
    #[arg(long, value_name = "DIR")]
    state: Option<String>,
    /// Ask nothing; take the defaults for what no option says
    #[arg(long)]
    defaults: bool,
}

/// Asks, writes, checks, and says what comes next.
pub fn run(options: &Options, json: bool, now: DateTime<Utc>) -> Result<(), Failure> {
    let ask = !options.defaults && !json && io::stdin().is_terminal();
    let asker = if ask { Asker::Person } else { Asker::Nobody };
    let answers = answers::gather(options, asker, &mut io::stdin().lock(), &mut io::stderr().lock())?;
    let secret = Alphanumeric.sample_string(&mut rand::rng(), 24);
    let papers = papers::papers(&answers, &secret);
    refuse_to_overwrite(&options.folder, &papers)?;
    rehearse(&papers, now)?;
    for paper in &papers {
        write(&options.folder, paper)?;
    }
    let out = &mut io::stdout().lock();
    if json {
        let files: Vec<PathBuf> = papers.iter().map(|paper| options.folder.join(paper.name)).collect();
        serde_json::to_writer_pretty(&mut *out, &serde_json::json!({ "written": files }))
            .map_err(io::Error::from)?;
        return Ok(writeln!(out)?);
    }
    Ok(tell(&options.folder, &papers, &answers, &secret, out)?)
}

/// Nobody's work is lost: where any of the files lies already, nothing is written.
fn refuse_to_overwrite(folder: &Path, papers: &[Paper]) -> Result<(), Failure> {
    match papers.iter().map(|paper| folder.join(paper.name)).find(|path| path.exists()) {
        Some(path) => Err(Failure::Input {
            what: path.display().to_string(),
            why: "is there already; nothing was written".to_owned(),
            hint: Some("name another folder: `sipherd init DIR`".to_owned()),
        }),
        None => Ok(()),
    }
}

/// Writes everything to a folder that nobody sees, and checks it there.
fn rehearse(papers: &[Paper], now: DateTime<Utc>) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(Failure::Machine)?;
    for paper in papers {
        write(folder.path(), paper)?;
    }
    let report = config::check_file(&folder.path().join("sipherd.toml"), now).report;
    if !report.has_errors() {
        return Ok(());
    }
    let why = report.problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ");
    Err(Failure::Input { what: "an answer cannot be used".to_owned(), why, hint: None })
}

fn write(folder: &Path, paper: &Paper) -> Result<(), Failure> {
    let path = folder.join(paper.name);
    let failed = |e: io::Error| Failure::Input {
        what: path.display().to_string(),
        why: format!("cannot be written: {e}"),
        hint: None,
    };
    std::fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(failed)?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if paper.secret {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    options.open(&path).and_then(|mut file| file.write_all(paper.text.as_bytes())).map_err(failed)
}

fn tell(
    folder: &Path,
    papers: &[Paper],
    answers: &Answers,
    secret: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    for paper in papers {
        writeln!(out, "wrote {}", folder.join(paper.name).display())?;
    }
    let config = folder.join("sipherd.toml");
    let config = config.display();
    write!(
        out,
        "
What comes next

1. Put this into manager.conf of the Asterisk, then `asterisk -rx \"manager reload\"`:

{}
2. List the phones in {}.
3. Stage their firmware:  sipherd --config {config} release add firmware/
4. Check everything:      sipherd --config {config} check
5. Start the daemon:      sipherd --config {config} run
",
        papers::manager(answers, secret),
        folder.join("phones.csv").display(),
    )
}

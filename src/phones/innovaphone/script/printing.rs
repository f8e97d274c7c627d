//! Writing a script as a device reads it.

use std::fmt;

use super::{Command, Final, Hours, Line, Once, Script};

impl fmt::Display for Script {
    /// Lines end as the maker's own server ends them: CR LF.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| write!(f, "{line}\r\n"))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => Ok(()),
            Self::Comment(text) => f.write_str(text),
            Self::Command(command) => command.fmt(f),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Check { then, serial } => write!(f, "mod cmd UP1 check {then} {serial}"),
            Self::Times { allow, initial } => {
                f.write_str("mod cmd UP1 times")?;
                if let Some(hours) = allow {
                    write!(f, " /allow {hours}")?;
                }
                initial.iter().try_for_each(|minutes| write!(f, " /initial {minutes}"))
            }
            Self::Fetch { code, url, then, serial } => {
                write!(f, "mod cmd UP0 {} {url} {then} {serial}", code.word())
            }
            Self::Save { url, once: None } => write!(f, "mod cmd UP0 scfg {url}"),
            Self::Save { url, once: Some(Once { then, serial, force }) } => {
                let then = if *then == Final::Nothing { "no-op" } else { then.word() };
                write!(f, "mod cmd UP0 scfg {url} {then} {serial}")?;
                force.iter().try_for_each(|hours| write!(f, " /force {hours}"))
            }
            Self::Load { url, then, serial } => write!(f, "mod cmd UP0 cfg {url} {then} {serial}"),
            Self::Poll => f.write_str("mod cmd UP1 poll"),
            Self::Provision(count) => write!(f, "mod cmd UP1 provision {count}"),
            Self::StayAwake(true) => f.write_str("mod cmd WLANMGR0 activate-pwr"),
            Self::StayAwake(false) => f.write_str("mod cmd WLANMGR0 deactivate-pwr"),
            Self::Restart(restart) => restart.fmt(f),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Final {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, hour) in self.listed().iter().enumerate() {
            write!(f, "{}{hour}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

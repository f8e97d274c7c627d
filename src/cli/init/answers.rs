//! What a first configuration must be told: from options, from a person, or by default.

use std::io::{self, BufRead, Write};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use super::{Failure, Options};

/// All that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// A zone of the tz database.
    pub zone: String,
    /// This machine as phones see it.
    pub address: String,
    /// The manager interface.
    pub ami: String,
    /// The manager user.
    pub ami_user: String,
    /// The maker of the phones.
    pub vendor: String,
    /// The folder of the state.
    pub state: String,
}

/// Who answers what no option says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// A person at a terminal.
    Person,
    /// Nobody: defaults are taken.
    Nobody,
}

/// Gathers all answers.
pub fn gather(
    options: &Options,
    asker: Asker,
    from: &mut dyn BufRead,
    to: &mut dyn Write,
) -> Result<Answers, Failure> {
    let mut ask = |question: &str, given: &Option<String>, usual: String| match (given, asker) {
        (Some(answer), _) => Ok(answer.clone()),
        (None, Asker::Nobody) => Ok(usual),
        (None, Asker::Person) => asked(question, usual, from, to),
    };
    Ok(Answers {
        zone: ask("Whose clock do windows follow?", &options.zone, own_zone())?,
        address: ask("At which address do phones reach this machine?", &options.address, own_address())?,
        ami: ask("Where is the Asterisk's manager interface?", &options.ami, "127.0.0.1:5038".to_owned())?,
        ami_user: ask("As which manager user?", &options.ami_user, "sipherd".to_owned())?,
        vendor: ask("Which maker's phones come first?", &options.vendor, "snom".to_owned())?,
        state: match &options.state {
            Some(state) => state.clone(),
            None => "/var/lib/sipherd".to_owned(),
        },
    })
}

/// Asks one question; an empty line means the default.
fn asked(
    question: &str,
    usual: String,
    from: &mut dyn BufRead,
    to: &mut dyn Write,
) -> Result<String, Failure> {
    write!(to, "{question} [{usual}] ")?;
    to.flush()?;
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        let why = "the questions were broken off; nothing was written".to_owned();
        let hint = Some("`sipherd init --defaults` asks nothing".to_owned());
        return Err(Failure::Input { what: "no answer".to_owned(), why, hint });
    }
    match line.trim() {
        "" => Ok(usual),
        answer => Ok(answer.to_owned()),
    }
}

/// The zone of this machine, else UTC.
fn own_zone() -> String {
    iana_time_zone::get_timezone().unwrap_or_else(|_| "UTC".to_owned())
}

/// The address this machine would send from to the world. Nothing is sent: the kernel only looks up the route.
fn own_address() -> String {
    let route = || -> io::Result<IpAddr> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        // TEST-NET-1 of RFC 5737 is nobody's.
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        Ok(socket.local_addr()?.ip())
    };
    route().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_asked_only_what_no_option_says() {
        let options = Options {
            folder: ".".into(),
            zone: Some("Europe/Berlin".into()),
            address: None,
            ami: None,
            ami_user: Some("watcher".into()),
            vendor: None,
            state: None,
            defaults: false,
        };
        let (mut from, mut to) = ("192.0.2.5\n\nyealink\n".as_bytes(), Vec::new());
        let answers = gather(&options, Asker::Person, &mut from, &mut to).unwrap();
        assert_eq!(
            answers,
            Answers {
                zone: "Europe/Berlin".into(),
                address: "192.0.2.5".into(),
                ami: "127.0.0.1:5038".into(),
                ami_user: "watcher".into(),
                vendor: "yealink".into(),
                state: "/var/lib/sipherd".into(),
            }
        );
        let questions = String::from_utf8(to).unwrap();
        assert_eq!(questions.matches('?').count(), 3, "{questions}");
        let broken_off = gather(&options, Asker::Person, &mut "".as_bytes(), &mut Vec::new());
        assert!(broken_off.unwrap_err().to_string().contains("broken off"));
    }
}

//! The files of a first configuration, commented for whoever edits them next.

use super::answers::Answers;

/// One file to be written.
pub struct Paper {
    /// Its path in the folder.
    pub name: &'static str,
    /// Its text.
    pub text: String,
    /// Nobody else may read it.
    pub secret: bool,
}

/// All files.
pub fn papers(answers: &Answers, secret: &str) -> Vec<Paper> {
    let paper = |name, text| Paper { name, text, secret: false };
    vec![
        paper("sipherd.toml", settings(answers)),
        Paper { name: "ami-secret", text: format!("{secret}\n"), secret: true },
        paper("phones.csv", PHONES.to_owned()),
        paper("policies/office-night.toml", policy(answers)),
    ]
}

/// The section of manager.conf that lets sipherd see calls and registrations.
pub fn manager(Answers { ami_user, .. }: &Answers, secret: &str) -> String {
    format!(
        "   [{ami_user}]\n   secret = {secret}\n   read = system,call,agent,reporting\n   write = system,call,agent,reporting\n"
    )
}

/// A text as TOML writes it, in quotes.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A host as it stands in a URL: IPv6 in brackets.
fn host(address: &str) -> String {
    match address.parse::<std::net::Ipv6Addr>() {
        Ok(v6) => format!("[{v6}]"),
        Err(_) => address.to_owned(),
    }
}

fn settings(answers: &Answers) -> String {
    let Answers { zone, address, ami, ami_user, state, .. } = answers;
    let url = quoted(&format!("http://{}:8480", host(address)));
    let (zone, ami, ami_user, state) = (quoted(zone), quoted(ami), quoted(ami_user), quoted(state));
    format!(
        "\
# sipherd. All keys: docs/configuration.md. After an edit: sipherd check, then sipherd reload.

# Everything that must survive a restart.
state = {state}

# What may be done to which phones, and when.
policies = \"policies\"

# Whose clock a window means that names no zone.
zone = {zone}

# The phones, and which accounts they register.
inventory = \"phones.csv\"

# NOTIFYs leave from here; 5060 usually is the PBX's.
[sip]
listen = \"0.0.0.0:5070\"

# Phones fetch their firmware here: `url` is what they are told.
[depot]
listen = \"0.0.0.0:8480\"
url    = {url}

# Asterisk or FreePBX, over the manager interface (manager.conf).
[[pbx]]
name        = \"pbx1\"
kind        = \"asterisk\"
ami         = {ami}
user        = {ami_user}
secret_file = \"ami-secret\"

# Metrics and health.
[ops]
listen = \"127.0.0.1:9480\"

# Over all policies.
[pace]
down_at_once = 20
"
    )
}

const PHONES: &str = "\
# One phone a row. Several lines or tags of one phone are separated by blanks. Only mac and lines are needed, like
# 00:04:13:92:2d:24,pbx1,2117 2118,snom,D785,,,reception
mac,pbx,lines,vendor,model,hardware,site,tags
";

fn policy(answers: &Answers) -> String {
    let vendor = quoted(&answers.vendor);
    format!(
        "\
about = \"Reboot the phones in the night from Saturday to Sunday, three at a time\"

# To update them instead, stage a release and write:
#   [update]
#   release = \"its-name\"
[reboot]

[select]
vendor = {vendor}

[[window]]
days = [\"sat\"]
from = \"22:00\"
to   = \"05:00\"                   # belongs to the evening it opened

[idle]
quiet = \"10m\"                    # no call on any line for ten minutes

[pace]
down_at_once = 3
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::layout::laid_out;

    #[test]
    fn what_is_written_is_laid_out() {
        let answers = Answers {
            zone: "Europe/Berlin".into(),
            address: "2001:db8::5".into(),
            ami: "127.0.0.1:5038".into(),
            ami_user: "sipherd".into(),
            vendor: "snom".into(),
            state: "/var/lib/sipherd".into(),
        };
        let toml: Vec<Paper> =
            papers(&answers, "s").into_iter().filter(|paper| paper.name.ends_with(".toml")).collect();
        assert_eq!(toml.len(), 2);
        for paper in toml {
            assert_eq!(laid_out(&paper.text).unwrap(), paper.text, "{}", paper.name);
        }
    }
}

//! A real Asterisk of our own: configuration in a scratch folder, loopback only, gone with the value.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use sipherd::domain::phone::{LineId, PbxName};
use sipherd::pbx::asterisk::AsteriskSettings;
use sipherd::ports::Secret;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Starting takes well under a second; a machine under load may need more.
const START: Duration = Duration::from_secs(60);

const MODULES: &[&str] = &[
    "app_dial",
    "app_echo",
    "app_queue",
    "bridge_simple",
    "chan_pjsip",
    "codec_ulaw",
    "func_devstate",
    "pbx_config",
    "res_manager_devicestate",
    "res_pjproject",
    "res_pjsip",
    "res_pjsip_authenticator_digest",
    "res_pjsip_caller_id",
    "res_pjsip_dialog_info_body_generator",
    "res_pjsip_endpoint_identifier_user",
    "res_pjsip_exten_state",
    "res_pjsip_notify",
    "res_pjsip_outbound_authenticator_digest",
    "res_pjsip_outbound_publish",
    "res_pjsip_pubsub",
    "res_pjsip_registrar",
    "res_pjsip_rfc3326",
    "res_pjsip_sdp_rtp",
    "res_pjsip_session",
    "res_rtp_asterisk",
    "res_sorcery_astdb",
    "res_sorcery_config",
    "res_sorcery_memory",
    "res_timing_timerfd",
];

/// A running Asterisk with endpoints 1001, 1002 …, each registered by at most one contact. Extension 600 answers and
/// holds the call, 601 answers and echoes; endpoints can dial each other, and each has a hint
/// with its do-not-disturb. Extension 700 is 1002 and 1003 together; 1001 is a member of queue `support`, and queue `empty`
/// has none.
pub struct Asterisk {
    /// Where it listens for SIP over UDP.
    pub sip: SocketAddr,
    /// Where its manager listens.
    pub ami: SocketAddr,
    program: PathBuf,
    home: TempDir,
    child: Child,
}

impl Asterisk {
    /// Starts one with so many endpoints and waits until it is ready.
    pub async fn start(program: &Path, endpoints: usize) -> Self {
        let sip = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let ami = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let home = TempDir::with_prefix("asterisk-").unwrap();
        configure(program, home.path(), sip, ami, endpoints);
        let child = launch(program, home.path()).await;
        Self { sip, ami, program: program.to_owned(), home, child }
    }

    /// The password of an endpoint.
    pub fn password(user: &str) -> String {
        format!("pw{user}")
    }

    /// How sipherd reaches it; nothing is read anew before events or a refresh ask for it.
    pub fn settings(&self) -> AsteriskSettings {
        AsteriskSettings {
            name: PbxName::new("yard"),
            ami: self.ami.to_string(),
            user: "sipherd".into(),
            secret: Secret::new("of-the-yard"),
            reconcile: Duration::from_secs(600),
            stale_probe: Duration::from_secs(1),
            reconnect: (Duration::from_millis(50), Duration::from_millis(500)),
            jitter_seed: 1,
        }
    }

    /// Has its manager do something, `Key: Value` in each line, and returns the answer.
    pub async fn manage(&self, action: &str) -> String {
        let (read, mut write) = TcpStream::connect(self.ami).await.unwrap().into_split();
        let action = action.lines().map(|line| format!("{line}\r\n")).collect::<String>();
        let request = format!(
            "Action: Login\r\nUsername: sipherd\r\nSecret: of-the-yard\r\nEvents: off\r\n\r\n{action}ActionID: asked\r\n\r\n"
        );
        write.write_all(request.as_bytes()).await.unwrap();
        let mut lines = BufReader::new(read).lines();
        let mut answer = String::new();
        timeout(START, async {
            while let Some(line) = lines.next_line().await.unwrap() {
                match line.is_empty() {
                    true if answer.contains("ActionID: asked\n") => return,
                    true => answer.clear(),
                    false => answer.extend([&line, "\n"]),
                }
            }
        })
        .await
        .expect("asterisk's manager answers");
        assert!(answer.contains("ActionID: asked"), "asterisk's manager hung up: {answer}");
        answer
    }

    /// One of its lines.
    pub fn line(user: &str) -> LineId {
        LineId { pbx: PbxName::new("yard"), user: user.into() }
    }

    /// Stops it, if it runs, as an administrator would; its contacts survive.
    pub async fn stop(&mut self) {
        let Some(pid) = self.child.id() else { return };
        let sent = Command::new("kill").arg(pid.to_string()).status().await.unwrap();
        assert!(sent.success());
        timeout(START, self.child.wait()).await.expect("asterisk stops").unwrap();
    }

    /// Starts it anew, with the same configuration and addresses.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.child = launch(&self.program, self.home.path()).await;
    }
}

impl Drop for Asterisk {
    /// Its log helps to see why a test failed.
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Ok(log) = std::fs::read_to_string(self.home.path().join("log/messages"))
        {
            println!("asterisk's log:\n{log}");
        }
    }
}

async fn launch(program: &Path, home: &Path) -> Child {
    let mut child = Command::new(program)
        .args(["-f", "-c", "-n", "-C"])
        .arg(home.join("asterisk.conf"))
        .current_dir(home)
        // A console whose input has ended is read again and again, as fast as the machine can.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = String::new();
    let ready = timeout(START, async {
        while let Ok(Some(line)) = lines.next_line().await {
            if line.contains("Asterisk Ready") {
                return true;
            }
            said.push_str(&line);
            said.push('\n');
        }
        false
    });
    assert!(ready.await.unwrap_or(false), "asterisk does not start; it said:\n{said}");
    // It must never wait for somebody to read what it says.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    child
}

fn configure(program: &Path, home: &Path, sip: SocketAddr, ami: SocketAddr, endpoints: usize) {
    let root = program.parent().and_then(Path::parent).unwrap().join("asterisk/usr");
    let modules = modules_folder(&root);
    let at = home.display();
    let mut folders = String::new();
    for name in ["lib", "db", "key", "spool", "run", "log", "agi", "cache"] {
        std::fs::create_dir_all(home.join(name)).unwrap();
    }
    for (key, name) in [
        ("astvarlibdir", "lib"),
        ("astdbdir", "db"),
        ("astkeydir", "key"),
        ("astspooldir", "spool"),
        ("astrundir", "run"),
        ("astlogdir", "log"),
        ("astagidir", "agi"),
        ("astcachedir", "cache"),
    ] {
        writeln!(folders, "{key} => {at}/{name}").unwrap();
    }
    let write = |name: &str, text: &str| std::fs::write(home.join(name), text).unwrap();
    write(
        "asterisk.conf",
        &format!(
            "[directories]\nastetcdir => {at}\nastmoddir => {}\nastdatadir => {}\n{folders}\n\
             [options]\nsystemname = yard\nverbose = 0\n",
            modules.display(),
            root.join("share/asterisk").display()
        ),
    );
    let loads: String = MODULES.iter().map(|module| format!("load = {module}.so\n")).collect();
    write("modules.conf", &format!("[modules]\nautoload = no\n{loads}"));
    write("logger.conf", "[logfiles]\nmessages => notice,warning,error\nconsole => verbose\n");
    write("pjsip_notify.conf", "");
    write("rtp.conf", "[general]\nrtpstart = 20000\nrtpend = 29999\n");
    write(
        "manager.conf",
        &format!(
            "[general]\nenabled = yes\nbindaddr = {}\nport = {}\n\n[sipherd]\nsecret = of-the-yard\n\
             deny = 0.0.0.0/0.0.0.0\npermit = 127.0.0.0/255.0.0.0\n\
             read = system,call,reporting,agent\nwrite = system,call,reporting,agent\n",
            ami.ip(),
            ami.port()
        ),
    );
    let mut pjsip = format!(
        "[global]\ntype = global\ndefault_outbound_endpoint = sipherd\n\
         contact_expiration_check_interval = 1\n\n\
         [udp]\ntype = transport\nprotocol = udp\nbind = {sip}\n\n[sipherd]\ntype = endpoint\ncontext = none\n"
    );
    write("queues.conf", "[general]\n\n[support]\nstrategy = ringall\nmember => PJSIP/1001\n\n[empty]\n");
    let mut dialplan = String::from(
        "[phones]\nexten => 700,hint,PJSIP/1002&PJSIP/1003\nexten => 600,1,Answer()\n same => n,Wait(3600)\nexten => 601,1,Answer()\n same => n,Echo()\n",
    );
    for user in (1001..).take(endpoints) {
        write!(
            pjsip,
            "\n[{user}]\ntype = endpoint\ncontext = phones\ndisallow = all\nallow = ulaw\ndirect_media = no\n\
             auth = {user}\naors = {user}\n\n[{user}]\ntype = auth\nauth_type = userpass\nusername = {user}\n\
             password = {}\n\n[{user}]\ntype = aor\nmax_contacts = 1\nremove_existing = yes\n\
             minimum_expiration = 2\n",
            Asterisk::password(&user.to_string())
        )
        .unwrap();
        write!(
            dialplan,
            "exten => {user},hint,PJSIP/{user}&Custom:DND{user}\nexten => {user},1,Dial(PJSIP/{user},30)\n"
        )
        .unwrap();
    }
    write("pjsip.conf", &pjsip);
    write("extensions.conf", &dialplan);
}

/// `usr/lib/asterisk/modules`, or below the folder of the machine's kind, as newer packages have it.
fn modules_folder(root: &Path) -> PathBuf {
    let lib = root.join("lib");
    let kinds = std::fs::read_dir(&lib).unwrap().flatten().map(|folder| folder.path());
    let mut found =
        kinds.chain([lib]).map(|folder| folder.join("asterisk/modules")).filter(|path| path.is_dir());
    found.next().unwrap_or_else(|| panic!("no modules below {}", root.display()))
}

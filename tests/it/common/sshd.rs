//! The host's own sshd: a private one, on a port of its own, that shows the machine's host key.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{Sandbox, run, wait_until};

/// It runs until dropped.
pub struct Sshd {
    child: Child,
    pid_file: PathBuf,
    pub port: String,
    /// The private key that may come in.
    pub key: PathBuf,
}

impl Sshd {
    pub fn start(sandbox: &Sandbox) -> Self {
        let machine_key = Path::new("/etc/ssh/ssh_host_ed25519_key");
        if !machine_key.exists() {
            run(as_root("ssh-keygen").arg("-A"));
        }
        Self::start_with(sandbox, machine_key)
    }

    /// One that shows this host key.
    pub fn start_with(sandbox: &Sandbox, host_key: &Path) -> Self {
        let key = keygen(sandbox, "id_test", "");
        let port = free_port();
        let pid_file = sandbox.path("sshd.pid");
        // Found nowhere else, and it wants to be called by its whole path.
        let mut command = as_root("/usr/sbin/sshd");
        command.args(["-D", "-e", "-f", "/dev/null"]);
        for option in [
            format!("Port={port}"),
            "ListenAddress=127.0.0.1".into(),
            format!("HostKey={}", host_key.display()),
            format!("AuthorizedKeysFile={}.pub", key.display()),
            format!("PidFile={}", pid_file.display()),
            // The directory of the keys is below /tmp, where anybody may write.
            "StrictModes=no".into(),
            "PasswordAuthentication=no".into(),
            "PermitRootLogin=yes".into(),
            "LogLevel=ERROR".into(),
        ] {
            command.arg("-o").arg(option);
        }
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        wait_until("sshd's port", || {
            if child.try_wait().unwrap().is_some() {
                let mut said = String::new();
                child
                    .stderr
                    .take()
                    .unwrap()
                    .read_to_string(&mut said)
                    .unwrap();
                panic!("sshd has ended: {said}");
            }
            TcpStream::connect(format!("127.0.0.1:{port}")).is_ok()
        });
        Self {
            child,
            pid_file,
            port,
            key,
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(&self.pid_file).unwrap_or_default();
        let _ = as_root("kill").arg(pid.trim()).status();
        let _ = self.child.wait();
    }
}

/// Makes a pair of keys; the private one's path.
pub fn keygen(sandbox: &Sandbox, name: &str, passphrase: &str) -> PathBuf {
    let key = sandbox.path(name);
    let mut command = sandbox.command("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", passphrase, "-f"]);
    run(command.arg(&key));
    key
}

/// Host keys are root's alone, and so is logging a user in.
fn as_root(program: &str) -> Command {
    if rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["-n", program]);
    command
}

fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

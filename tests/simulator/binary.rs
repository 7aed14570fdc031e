//! The program `clb-simulator`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::support::PROCESSES;

/// Ends its process with the value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clb-simulator"));
    command.env_remove("TENCENTCLOUD_SECRET_ID").env_remove("TENCENTCLOUD_SECRET_KEY");
    command
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn it_serves_what_it_was_told_until_it_is_terminated() {
    let _turn = PROCESSES.blocking_lock();
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("faults.yaml");
    std::fs::write(&script, "- action: CreateListener\n  effect: lostReply\n").expect("a file");
    let mut command = program();
    command.args(["--load-balancer", "lb-one,TCP:9999", "--load-balancer", "lb-two", "--time-scale", "0.1"]);
    command.arg("--fault-script").arg(&script).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut running = Running(command.spawn().expect("it starts"));
    let mut line = String::new();
    BufReader::new(running.0.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    let address = line.trim().strip_prefix("http://").expect("an endpoint").to_owned();
    let state = get(&address, "/admin/state");
    assert!(state.contains("lb-one") && state.contains("9999") && state.contains("lb-two"), "{state}");
    assert!(get(&address, "/admin/faults").contains("lostReply"));
    let terminated = Command::new("kill").arg(running.0.id().to_string()).status().expect("kill runs");
    assert!(terminated.success());
    assert!(running.0.wait().expect("it ends").success());
}

#[test]
fn it_says_what_is_wrong_with_its_arguments() {
    let _turn = PROCESSES.blocking_lock();
    let cases = [
        (vec!["--load-balancer", "web"], "lb-"),
        (vec!["--time-scale=-1"], "0 or more"),
        (vec!["--dialect", "no"], "'no' is none of batch-tasks"),
        (vec!["--fault-script", "no-such-file.yaml"], "no-such-file.yaml"),
        (vec!["--listen", "nowhere"], "listen"),
    ];
    for (arguments, expected) in cases {
        let output = program().args(&arguments).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(expected), "{arguments:?}: {text}");
    }
}

//! The command line.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use super::leftovers::is_run;
use super::step::Asked;

/// What the long help ends with.
const AFTER_HELP: &str = "\
Exit codes: 0 nothing differs from what is believed, and all was asked that could be asked with these flags; 1 something differs; \
2 it could not be run, or not as a whole, or something may be left, or its arguments are wrong; 3 nothing differs, and something \
could not be asked though the flags had what it needs.

Credentials are read from TENCENTCLOUD_SECRET_ID, TENCENTCLOUD_SECRET_KEY and, for temporary ones, TENCENTCLOUD_TOKEN.";

/// Asks a cloud whether it is as the controller and the simulator believe. It makes one small load balancer, or uses one that is given,
/// and takes away what it has made.
#[derive(Clone, Debug, Parser)]
#[command(name = "clb-conformance", version, after_help = AFTER_HELP)]
pub struct Arguments {
    /// The region.
    #[arg(long, env = "TENCENTCLOUD_REGION", default_value = "ap-guangzhou")]
    pub region: String,
    /// Address of the CLB API instead of the public one, such as http://127.0.0.1:8090 for the simulator.
    #[arg(long, env = "CLB_ENDPOINT")]
    pub endpoint: Option<String>,
    /// Uses this load balancer instead of making one. Nothing of it is touched but listeners that the run itself makes.
    #[arg(long, value_name = "ID", value_parser = load_balancer)]
    pub load_balancer: Option<String>,
    /// The load balancer that is made is public instead of internal.
    #[arg(long, conflicts_with = "load_balancer")]
    pub public: bool,
    /// The load balancer that is made has a domain name instead of a fixed address, for accounts that can make no others.
    #[arg(long, conflicts_with = "load_balancer")]
    pub dynamic_vip: bool,
    /// The VPC of the load balancer that is made; an internal one needs it.
    #[arg(long, value_name = "ID")]
    pub vpc_id: Option<String>,
    /// The subnet of the load balancer that is made; an internal one needs it.
    #[arg(long, value_name = "ID", conflicts_with = "public")]
    pub subnet_id: Option<String>,
    /// A backend by address and port, such as 10.0.0.5:8080: that of a Pod with an address of the VPC, for example. Without one, what
    /// needs a target is not asked. Repeatable; the first is used.
    #[arg(long, value_name = "ADDRESS", value_parser = target)]
    pub target: Vec<(IpAddr, u16)>,
    /// A server certificate of the account. Without one, what needs an HTTPS listener is not asked.
    #[arg(long, value_name = "ID")]
    pub certificate: Option<String>,
    /// The first port of the run's listeners; they take up to 100 from it on.
    #[arg(long, value_name = "PORT", default_value_t = 20_000, value_parser = clap::value_parser!(u16).range(1..=65_000))]
    pub first_port: u16,
    /// Prints a CAM policy for the key of a run as JSON, and does nothing else: the actions that a run calls, and no others. With
    /// --load-balancer, without those that make and change one.
    #[arg(long, conflicts_with_all = ["resume", "record", "replay"])]
    pub cam_policy: bool,
    /// Does not ask before it begins.
    #[arg(long)]
    pub yes: bool,
    /// Takes away what an earlier run has left behind, and does nothing else. In the folder of that run, since its state file is there.
    #[arg(long)]
    pub resume: bool,
    /// With --resume: a run that has left no state file here, by its name, of which all that is shown is taken away. It must not be going on
    /// elsewhere. What it made on a load balancer that was given needs --load-balancer, too.
    #[arg(long, value_name = "NAME", requires = "resume", value_parser = run)]
    pub run: Option<String>,
    /// The file with what the run makes, from before it is made until it is taken away.
    #[arg(long, value_name = "FILE", default_value = "clb-conformance.state.json")]
    pub state: PathBuf,
    /// Writes all calls and replies to this file, without anything of the account: no key, id, address or name.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Judges a recording, without a network.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["resume", "record"])]
    pub replay: Option<PathBuf>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// How the result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A table.
    Text,
    /// JSON.
    Json,
}

impl Arguments {
    /// What is asked for, of a run with this name.
    ///
    /// # Errors
    /// In words, when something is missing.
    pub(super) fn asked(&self, run: &str) -> Result<Asked, String> {
        let makes_internal = self.load_balancer.is_none() && !self.public;
        if makes_internal && (self.vpc_id.is_none() || self.subnet_id.is_none()) {
            return Err("an internal load balancer needs --vpc-id and --subnet-id; use --public for a public one, or --load-balancer \
                        for one that is there"
                .to_owned());
        }
        Ok(Asked {
            run: run.to_owned(),
            load_balancer: self.load_balancer.clone(),
            public: self.public,
            dynamic_vip: self.dynamic_vip,
            vpc_id: self.vpc_id.clone(),
            subnet_id: self.subnet_id.clone(),
            targets: self.target.clone(),
            certificate: self.certificate.clone(),
            first_port: self.first_port,
        })
    }
}

fn load_balancer(text: &str) -> Result<String, String> {
    match text.starts_with("lb-") {
        true => Ok(text.to_owned()),
        false => Err("an id of a load balancer begins with lb-".to_owned()),
    }
}

fn run(text: &str) -> Result<String, String> {
    match is_run(text) {
        true => Ok(text.to_owned()),
        false => Err("the name of a run has 8 digits and letters from a to f, such as 0a1b2c3d".to_owned()),
    }
}

fn target(text: &str) -> Result<(IpAddr, u16), String> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() > 0 => Ok((address.ip(), address.port())),
        _ => Err("a target is an address and a port, such as 10.0.0.5:8080".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_and_what_is_missing_is_named() {
        let read = |words: &[&str]| Arguments::try_parse_from([&["clb-conformance"], words].concat());
        let asked = |words: &[&str]| read(words).unwrap().asked("0a1b2c3d");
        assert!(asked(&[]).unwrap_err().contains("--subnet-id"));
        assert!(asked(&["--public"]).unwrap().inputs().own_load_balancer);
        let given = asked(&["--load-balancer", "lb-1", "--target", "10.0.0.5:8080"]).unwrap();
        assert!(!given.inputs().own_load_balancer && given.inputs().has_target && !given.inputs().has_certificate);
        for wrong in [["--load-balancer", "web"], ["--target", "10.0.0.5"], ["--target", "10.0.0.5:0"]] {
            assert!(read(&wrong).is_err(), "{wrong:?}");
        }
        assert!(read(&["--public", "--load-balancer", "lb-1"]).is_err());
        assert!(read(&["--replay", "a", "--resume"]).is_err());
    }
}

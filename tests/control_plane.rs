//! The control plane of the tests itself.

mod support;

use support::{ControlPlane, Options};

#[tokio::test]
async fn starts() {
    let started = std::time::Instant::now();
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    println!("{:?} {:?}", started.elapsed(), control_plane.subnets());
    println!("{:?}", control_plane.kubectl(&["version"]).await);
    println!("{:?}", control_plane.kubectl(&["get", "nodes", "-owide"]).await.stdout);
    if std::env::var_os("HOLD").is_some() {
        println!("export KUBECONFIG={}", control_plane.kubeconfig().display());
        std::thread::sleep(std::time::Duration::from_secs(1000));
    }
}

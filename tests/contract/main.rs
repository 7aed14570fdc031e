//! The protocol as this project writes it down, against the tables that the vendor publishes: requests, replies and examples.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod actions;
mod calls;
mod examples;
mod members;
mod refused;
mod replies;
mod shape;
#[path = "../vendor/mod.rs"]
mod vendor;

use std::sync::LazyLock;

use tke_direct_access::clb::wire::Service;
use vendor::Tables;

/// The tables of a service.
fn tables(service: Service) -> &'static Tables {
    static CLB: LazyLock<Tables> = LazyLock::new(|| Tables::of("clb", "v20180317"));
    static STS: LazyLock<Tables> = LazyLock::new(|| Tables::of("sts", "v20180813"));
    static SSL: LazyLock<Tables> = LazyLock::new(|| Tables::of("ssl", "v20191205"));
    match service {
        Service::Clb => &CLB,
        Service::Sts => &STS,
        Service::Ssl => &SSL,
    }
}

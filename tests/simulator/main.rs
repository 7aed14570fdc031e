//! The simulated CLB, judged from outside: over its wire protocol and with real traffic.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod accounts;
mod admin;
mod api;
mod binary;
mod client;
mod credentials;
mod dialects;
mod faults;
mod flags;
mod health;
mod http;
mod ipv6;
mod layer7;
mod load;
mod load_balancers;
mod presence;
mod rights;
mod sessions;
mod stopped;
mod support;
mod tags;
mod targets;
mod tasks;
mod tcp;
mod tls;
mod udp;

//! Verdicts: what users are told, and when to look again. Pure; time is a parameter.

mod binding;
mod conditions;
mod config;
mod failure;
mod forecast;
mod gate;
mod motion;
mod next_look;
mod placement;
mod programmed;
mod progress;
mod refused;
pub mod service;
mod targets_healthy;
#[cfg(test)]
mod tests;
mod visit;

pub use binding::{RefusedGate, Round, binding_status};
pub use config::{config_status, left_in_cloud};
pub use failure::reason_of;
pub use forecast::{Forecast, ForecastEnd, ForecastRound, forecast};
pub use gate::{GateCondition, gate_condition, said};
pub use next_look::{NextLook, Pace, TICK, next_look};
pub use progress::is_progress;
pub use refused::{Field, RefusalKind, RefusalNews, RefusedWrites, held_back_status};
pub use visit::{FirstLook, Visit, first_look, is_unsettled};

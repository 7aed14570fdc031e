//! The clock of leadership: it goes on while the machine is suspended, as the Lease does for everybody else.

use std::sync::Arc;

use crate::election::Moment;

/// Tells the time. Tests have one of their own.
pub(in crate::operator) type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

/// The clock of this machine.
#[cfg(target_os = "linux")]
pub(in crate::operator) fn system() -> Clock {
    Arc::new(|| {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        // The time since the machine was started: neither part is ever negative.
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
        Moment::after_start(std::time::Duration::new(seconds, nanoseconds))
    })
}

/// The clock of this machine. The controller is built for Linux; elsewhere it serves trials, and suspend is not counted.
#[cfg(not(target_os = "linux"))]
pub(in crate::operator) fn system() -> Clock {
    let start = std::time::Instant::now();
    Arc::new(move || Moment::after_start(start.elapsed()))
}

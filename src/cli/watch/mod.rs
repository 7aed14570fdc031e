//! `watch`: a binding while its Pods are replaced.
//!
//! `view` is what is shown, `screen` draws it over the one before, and `summary` is what is said at the end.

mod screen;
mod summary;
mod view;

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::options::Watch;
use super::output::Printer;
use super::session::Session;
use super::world::World;
use super::{Ending, Error};
use screen::Screen;
use summary::Summary;
use view::View;

/// Changes that may wait while the cloud is read. They only say that something changed, so a full queue loses nothing.
const QUEUE: usize = 64;

pub(super) async fn run(session: &Session, options: &Watch, printer: &mut Printer) -> Result<Ending, Error> {
    session.binding(&options.name).await?;
    // Shows first what the user may not see.
    let world = World::read(session, false).await?;
    let stop = CancellationToken::new();
    let _ended_with_this = stop.clone().drop_guard();
    let mut tasks = JoinSet::new();
    let (sender, mut changes) = mpsc::channel(QUEUE);
    world.stores.watch(&session.client, Some(&session.namespace), &sender, &stop, &mut tasks);
    let (mut shown, mut screen, mut summary) = (View::default(), Screen::default(), Summary::new(Instant::now()));
    let mut looks = tokio::time::interval(Duration::from_millis(options.interval_milliseconds));
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            // The stores have it already.
            Some(_) = changes.recv() => continue,
            _ = &mut interrupted => break,
        }
        let view = tokio::select! {
            view = View::read(session, &world, &options.name) => view?,
            _ = &mut interrupted => break,
        };
        summary.see(&view, Instant::now());
        if printer.is_terminal() {
            let drawn = screen.draw(view.lines(printer, Timestamp::now()));
            printer.write(&drawn)?;
        } else {
            view.changes(&shown).iter().try_for_each(|line| printer.line(line))?;
        }
        shown = view;
        if options.until_ready && shown.is_settled {
            break;
        }
        if let Some(why) = shown.stuck.take().filter(|_| options.until_ready) {
            return Err(Error::Argument(why));
        }
    }
    summary.lines(Instant::now()).iter().try_for_each(|line| printer.line(line))?;
    Ok(Ending::Fine)
}

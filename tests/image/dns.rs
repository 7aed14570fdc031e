//! A server of names, as a Pod has one: an image without the resolver's files starts well, and finds nobody.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A name that no file knows.
pub(crate) const NAME: &str = "clb.image.test";
const PORT: u16 = 53;
/// Types of questions.
const ADDRESS: [u8; 2] = [0, 1];

/// Answers that [`NAME`] is 127.0.0.1, until it is dropped.
pub(crate) struct Dns {
    pub(crate) address: Ipv4Addr,
    socket: UdpSocket,
    answers: Arc<AtomicUsize>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Dns {
    pub(crate) fn start() -> Self {
        let bound = (1..=254).find_map(|last| {
            let address = Ipv4Addr::new(127, 0, 53, last);
            Some((address, UdpSocket::bind((address, PORT)).ok()?))
        });
        let (address, socket) = bound.expect("an address of loopback with a free port 53");
        let answers = Arc::new(AtomicUsize::new(0));
        let (own, count) = (socket.try_clone().unwrap(), Arc::clone(&answers));
        let thread = std::thread::spawn(move || serve(&own, &count));
        Self { address, socket, answers, thread: Some(thread) }
    }

    /// How many addresses it has answered with.
    pub(crate) fn answers(&self) -> usize {
        self.answers.load(Ordering::SeqCst)
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        // An empty packet ends it.
        let _ = self.socket.send_to(&[], (self.address, PORT));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(socket: &UdpSocket, count: &AtomicUsize) {
    let mut buffer = [0; 1500];
    while let Ok((length @ 1.., from)) = socket.recv_from(&mut buffer) {
        if let Some((answer, has_address)) = answer(&buffer[..length]) {
            count.fetch_add(usize::from(has_address), Ordering::SeqCst);
            let _ = socket.send_to(&answer, from);
        }
    }
}

/// The answer to a query with one question, and whether there is an address in it.
fn answer(query: &[u8]) -> Option<(Vec<u8>, bool)> {
    let question = query.get(12..)?;
    let end = question.iter().position(|byte| *byte == 0)?;
    let (kind, whole) = (question.get(end + 1..end + 3)?, question.get(..end + 5)?);
    let labels: Vec<u8> =
        NAME.split('.').flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat()).collect();
    let is_known = question[..end].eq_ignore_ascii_case(&labels);
    let has_address = is_known && kind == ADDRESS;
    let code = if is_known { 0 } else { 3 };
    // A response that is recursive, with one question.
    let mut text = vec![query[0], query[1], 0x81, 0x80 | code, 0, 1, 0, u8::from(has_address), 0, 0, 0, 0];
    text.extend(whole);
    if has_address {
        text.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 127, 0, 0, 1]);
    }
    Some((text, has_address))
}

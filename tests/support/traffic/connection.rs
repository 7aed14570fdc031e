//! HTTP/1.1 over one socket, as much as a GET needs.

use std::fmt;
use std::io::{Error, ErrorKind};

use anyhow::{Result, bail};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// What a URL says, taken apart.
#[derive(Debug)]
pub(super) struct Url {
    /// Host and port.
    address: String,
    path: String,
}

impl Url {
    /// # Errors
    /// It does not begin with `http://`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let Some(rest) = text.strip_prefix("http://") else { bail!("{text} does not begin with http://") };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let address = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        Ok(Self { address, path: format!("/{path}") })
    }
}

/// Why a request has no good answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no connection.
    Connect(Error),
    /// The connection ended before the first byte of the answer.
    NoAnswer(Error),
    /// The connection ended within the answer, or the answer is not HTTP.
    Broken(Error),
    /// Another status than 200.
    Status(u16),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "connect: {error}"),
            Self::NoAnswer(error) => write!(f, "before the answer: {error}"),
            Self::Broken(error) => write!(f, "within the answer: {error}"),
            Self::Status(status) => write!(f, "status {status}"),
        }
    }
}

/// A connection to a server.
#[derive(Debug)]
pub(super) struct Connection {
    /// When it was made.
    pub(super) opened: Instant,
    stream: BufReader<TcpStream>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    body: Vec<u8>,
    /// Whether the server takes another request on this connection.
    pub(super) keeps_connection: bool,
}

#[derive(Deserialize)]
struct Body {
    pod: String,
}

impl Answer {
    /// The Pod that answered.
    ///
    /// # Errors
    /// The status is not 200.
    pub(super) fn pod(&self) -> Result<String, Failure> {
        if self.status != 200 {
            return Err(Failure::Status(self.status));
        }
        Ok(serde_json::from_slice::<Body>(&self.body).map_or_else(|_| "?".to_owned(), |body| body.pod))
    }
}

/// The parts of the header that matter here.
#[derive(Default)]
struct Header {
    status: u16,
    length: Option<usize>,
    is_chunked: bool,
    is_last: bool,
}

impl Connection {
    pub(super) async fn open(url: &Url) -> Result<Self, Failure> {
        let stream = TcpStream::connect(&url.address).await.map_err(Failure::Connect)?;
        Ok(Self { opened: Instant::now(), stream: BufReader::new(stream) })
    }

    /// Whether the server has neither closed the connection nor said anything unasked.
    pub(super) fn is_open(&self) -> bool {
        let mut byte = [0];
        matches!(self.stream.get_ref().try_read(&mut byte), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn get(&mut self, url: &Url, is_kept: bool) -> Result<Answer, Failure> {
        let connection = if is_kept { "keep-alive" } else { "close" };
        let request = format!("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: {connection}\r\n\r\n", url.path, url.address);
        self.stream.write_all(request.as_bytes()).await.map_err(Failure::NoAnswer)?;
        match self.stream.fill_buf().await {
            Ok([]) => return Err(Failure::NoAnswer(ErrorKind::UnexpectedEof.into())),
            Ok(_) => {}
            Err(error) => return Err(Failure::NoAnswer(error)),
        }
        self.read().await.map_err(Failure::Broken)
    }

    async fn read(&mut self) -> Result<Answer, Error> {
        let header = self.header().await?;
        let mut body = Vec::new();
        match header.length {
            _ if header.is_chunked => self.chunks(&mut body).await?,
            Some(length) => {
                body.resize(length, 0);
                self.stream.read_exact(&mut body).await?;
            }
            None => drop(self.stream.read_to_end(&mut body).await?),
        }
        let keeps_connection = !header.is_last && (header.is_chunked || header.length.is_some());
        Ok(Answer { status: header.status, body, keeps_connection })
    }

    async fn header(&mut self) -> Result<Header, Error> {
        let first = self.line().await?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let mut header = Header {
            status: status.ok_or_else(|| invalid("no status", &first))?,
            is_last: first.starts_with("HTTP/1.0"),
            ..Header::default()
        };
        loop {
            let line = self.line().await?.to_ascii_lowercase();
            let Some((name, value)) = line.split_once(':') else { return Ok(header) };
            match (name, value.trim()) {
                ("content-length", length) => {
                    header.length = Some(length.parse().map_err(|_| invalid("bad length", length))?);
                }
                ("transfer-encoding", "chunked") => header.is_chunked = true,
                ("connection", "close") => header.is_last = true,
                _ => {}
            }
        }
    }

    async fn chunks(&mut self, body: &mut Vec<u8>) -> Result<(), Error> {
        loop {
            let line = self.line().await?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| invalid("bad chunk size", size))?;
            let start = body.len();
            body.resize(start + size, 0);
            self.stream.read_exact(body.get_mut(start..).unwrap_or_default()).await?;
            self.line().await?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    /// A line without its end.
    async fn line(&mut self) -> Result<String, Error> {
        let mut line = String::new();
        match self.stream.read_line(&mut line).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}

fn invalid(what: &str, text: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("{what}: {text:?}"))
}

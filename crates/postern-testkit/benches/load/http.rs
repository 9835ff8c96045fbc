//! A client that costs little: whole requests written from memory over one kept connection.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// One connection, opened anew where the server closes it.
pub(crate) struct Client {
    server: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
    line: String,
    body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(server: SocketAddr) -> Self {
        Self { server, connection: None, line: String::new(), body: Vec::new() }
    }

    /// Sends the request; its status and body.
    pub(crate) fn send(&mut self, request: &[u8]) -> io::Result<(u16, &[u8])> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let stream = TcpStream::connect(self.server)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(Duration::from_secs(30)))?;
                BufReader::with_capacity(16 * 1024, stream)
            }
        };
        connection.get_mut().write_all(request)?;
        let (status, keep) = self.read(&mut connection)?;
        self.connection = keep.then_some(connection);
        Ok((status, &self.body))
    }

    fn read(&mut self, connection: &mut BufReader<TcpStream>) -> io::Result<(u16, bool)> {
        let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        self.line.clear();
        connection.read_line(&mut self.line)?;
        let mut keep = self.line.starts_with("HTTP/1.1");
        let status =
            self.line.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(|| bad("no status"))?;
        let mut length = None;
        loop {
            self.line.clear();
            connection.read_line(&mut self.line)?;
            let Some((name, value)) = self.line.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse::<usize>().ok();
            } else if name.eq_ignore_ascii_case("connection") && value.trim().eq_ignore_ascii_case("close") {
                keep = false;
            }
        }
        self.body.resize(length.ok_or_else(|| bad("no content-length"))?, 0);
        connection.read_exact(&mut self.body)?;
        Ok((status, keep))
    }
}

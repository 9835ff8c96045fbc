//! Whose process is at the other end of a loopback connection, as the kernel has it.

use std::net::SocketAddr;

/// Whether this system tells.
pub(super) const IS_KNOWN: bool = cfg!(target_os = "linux");

/// Whether the client's socket is of this process's own user.
///
/// Asked of the kernel's list of sockets while the connection stands, so that the client's end is in it.
/// A client elsewhere has none here.
///
/// # Errors
/// When it is another user's, or cannot be found.
#[cfg(target_os = "linux")]
pub(super) fn check(client: SocketAddr, server: SocketAddr) -> Result<(), String> {
    if !server.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    let own = rustix::process::geteuid().as_raw();
    match linux::uid(client, server) {
        Some(uid) if uid == own => Ok(()),
        Some(_) => Err("this endpoint serves the user who started it, and nobody else".to_owned()),
        None => Err("whose connection this is could not be told".to_owned()),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn check(_: SocketAddr, _: SocketAddr) -> Result<(), String> {
    Ok(())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        fmt::Write as _,
        fs::File,
        io::{BufRead as _, BufReader},
        net::{IpAddr, SocketAddr},
    };

    /// The user who owns the client's end of a connection.
    pub(super) fn uid(client: SocketAddr, server: SocketAddr) -> Option<u32> {
        let (client, server) = (canonical(client), canonical(server));
        // A client that speaks both protocols through one socket stands in the second list, though it
        // came over IPv4.
        let mapped = |address: SocketAddr| match address.ip() {
            IpAddr::V4(v4) => SocketAddr::from((v4.to_ipv6_mapped(), address.port())),
            IpAddr::V6(_) => address,
        };
        let in_v4 = client.is_ipv4().then(|| of_list("/proc/net/tcp", client, server)).flatten();
        in_v4.or_else(|| of_list("/proc/net/tcp6", mapped(client), mapped(server)))
    }

    fn canonical(address: SocketAddr) -> SocketAddr {
        SocketAddr::new(address.ip().to_canonical(), address.port())
    }

    fn of_list(path: &str, client: SocketAddr, server: SocketAddr) -> Option<u32> {
        let (local, remote) = (written(client), written(server));
        let lines = BufReader::new(File::open(path).ok()?).lines();
        lines.map_while(Result::ok).find_map(|line| owner(&line, &local, &remote))
    }

    /// The user in a line of the list (proc_pid_net(5)), if it is about this connection.
    pub(super) fn owner(line: &str, local: &str, remote: &str) -> Option<u32> {
        let mut fields = line.split_ascii_whitespace().skip(1);
        if fields.next()? != local || fields.next()? != remote {
            return None;
        }
        // After both ends: state, queues, timer, retransmits; then the user, timeouts and the inode. What no
        // process has open any more has no inode, and no user either.
        let uid = fields.nth(4)?.parse().ok()?;
        (fields.nth(1)? != "0").then_some(uid)
    }

    /// An address as the list has it: words in the machine's own order, in hexadecimal.
    pub(super) fn written(address: SocketAddr) -> String {
        let octets = match address.ip() {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets().to_vec(),
        };
        let mut text = String::new();
        for word in octets.as_chunks::<4>().0 {
            // Writing into a text does not fail.
            let _ = write!(text, "{:08X}", u32::from_ne_bytes(*word));
        }
        let _ = write!(text, ":{:04X}", address.port());
        text
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};

    use super::{linux::*, *};

    /// Both ends as an accepting server sees them, with the connection that they are of.
    fn connected(
        listen: impl Into<SocketAddr>,
        connect: impl Fn(u16) -> SocketAddr,
    ) -> Option<(SocketAddr, SocketAddr, TcpStream)> {
        let listener = TcpListener::bind(listen.into()).ok()?;
        let client = TcpStream::connect(connect(listener.local_addr().unwrap().port())).unwrap();
        let (server, peer) = listener.accept().unwrap();
        Some((peer, server.local_addr().unwrap(), client))
    }

    #[test]
    fn the_kernel_knows_the_client() {
        let own = rustix::process::geteuid().as_raw();
        let v4 = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (client, server, open) = connected(v4(0), v4).unwrap();
        assert_eq!(uid(client, server), Some(own));
        // The other end of it is the server's own socket, which stands in for nobody.
        assert_eq!(uid(client, SocketAddr::from((Ipv4Addr::LOCALHOST, 1))), None);
        drop(open);
        assert_eq!(uid(client, server), None, "a closed socket is nobody's");

        let v6 = |port| SocketAddr::from((Ipv6Addr::LOCALHOST, port));
        let mapped = |port| SocketAddr::from((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), port));
        for (listen, connect) in [
            (v6(0), &v6 as &dyn Fn(u16) -> SocketAddr),
            (v4(0), &mapped),
            (SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)), &v4),
        ] {
            let Some((client, server, _open)) = connected(listen, connect) else {
                println!("SKIP: there is no IPv6 here");
                return;
            };
            assert_eq!(uid(client, server), Some(own), "{client} to {server}");
        }
    }

    #[test]
    fn lines_are_read_as_the_kernel_writes_them() {
        let line = "   1: 0100007F:A3C2 0100007F:26B7 01 00000000:00000000 00:00000000 00000000  1000        0 45102 1 0000000000000000 20 4 30 10 -1";
        assert_eq!(owner(line, "0100007F:A3C2", "0100007F:26B7"), Some(1_000));
        assert_eq!(owner(line, "0100007F:26B7", "0100007F:A3C2"), None);
        let closed = "   1: 0100007F:A3C2 0100007F:26B7 06 00000000:00000000 03:00000A1B 00000000     0        0 0 3 0000000000000000";
        assert_eq!(owner(closed, "0100007F:A3C2", "0100007F:26B7"), None);
        for broken in ["", "  sl  local_address rem_address   st", "1: 0100007F:A3C2 0100007F:26B7 01"] {
            assert_eq!(owner(broken, "0100007F:A3C2", "0100007F:26B7"), None, "{broken}");
        }
        if cfg!(target_endian = "little") {
            assert_eq!(written("127.0.0.1:9911".parse().unwrap()), "0100007F:26B7");
            assert_eq!(written("[::1]:80".parse().unwrap()), "00000000000000000000000001000000:0050");
        }
    }
}

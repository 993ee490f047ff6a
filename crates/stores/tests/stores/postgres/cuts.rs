//! Connections that are cut at a chosen moment, by a relay between the store and its server.

use super::server::{Server, server};
use phiseal_keys::{ErrorKind, RecordKind, Store};
use phiseal_stores::PostgresStore;
use pollster::block_on;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What becomes of the next thing that the store says, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is passed on, and so is the answer.
    Passed,
    /// The connection is cut, and the server never hears it.
    CutBefore,
    /// The server hears it, and the connection is cut when it has answered.
    CutAfter,
    /// Nobody hears it, nor anything that is said later on this connection, which stays.
    Swallowed,
}

/// A relay on a port of its own.
struct Relay {
    port: u16,
    next: Arc<Mutex<Fate>>,
    connections: Arc<Mutex<u32>>,
}

impl Relay {
    fn to(server: &Server) -> Self {
        let address = server.url.split_once('@').unwrap().1.split_once('/').unwrap().0.to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (next, connections) = (Arc::new(Mutex::new(Fate::Passed)), Arc::new(Mutex::new(0)));
        let (fate, count) = (Arc::clone(&next), Arc::clone(&connections));
        thread::spawn(move || {
            for store in listener.incoming() {
                *count.lock().unwrap() += 1;
                let (store, server) = (store.unwrap(), TcpStream::connect(&address).unwrap());
                let fate = Arc::clone(&fate);
                thread::spawn(move || relay(store, server, &fate));
            }
        });
        Self { port, next, connections }
    }

    /// The store in `schema`, by way of the relay.
    fn store(&self, server: &Server, schema: &str) -> PostgresStore {
        let (who, rest) = server.url.split_once('@').unwrap();
        let (_, database) = rest.split_once('/').unwrap();
        let url = format!("{who}@127.0.0.1:{}/{database}", self.port);
        let store = PostgresStore::new(&url).unwrap().with_schema(schema).unwrap();
        store.with_timeout(Duration::from_secs(4)).unwrap()
    }

    fn next(&self, fate: Fate) {
        *self.next.lock().unwrap() = fate;
    }

    fn connections(&self) -> u32 {
        *self.connections.lock().unwrap()
    }
}

/// Passes on what both say, until the fate of something that the store says is another.
fn relay(mut store: TcpStream, mut server: TcpStream, next: &Mutex<Fate>) {
    let (mut from_server, mut to_store) = (server.try_clone().unwrap(), store.try_clone().unwrap());
    let silenced = Arc::new(Mutex::new(false));
    let heard = Arc::clone(&silenced);
    let (answered, answer) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 65536];
        while let Ok(length @ 1..) = from_server.read(&mut buffer) {
            if *heard.lock().unwrap() {
                let _ = answered.send(());
            } else {
                let _ = to_store.write_all(&buffer[..length]);
            }
        }
        let _ = to_store.shutdown(Shutdown::Both);
    });
    let mut buffer = [0; 65536];
    while let Ok(length @ 1..) = store.read(&mut buffer) {
        let fate = std::mem::replace(&mut *next.lock().unwrap(), Fate::Passed);
        match fate {
            Fate::Passed => server.write_all(&buffer[..length]).unwrap(),
            Fate::CutBefore => break,
            Fate::CutAfter => {
                *silenced.lock().unwrap() = true;
                server.write_all(&buffer[..length]).unwrap();
                answer.recv().unwrap();
                break;
            }
            Fate::Swallowed => while let Ok(1..) = store.read(&mut buffer) {},
        }
    }
    let _ = store.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

const ID: &[u8] = b"id";

#[test]
fn a_read_on_a_connection_that_has_died_is_asked_once_more() {
    let Some(server) = server("cut connections to Postgres") else { return };
    let (schema, relay) = (server.schema(), Relay::to(&server));
    let store = relay.store(&server, &schema.name);
    block_on(store.write(RecordKind::Keyset, ID, 0, b"one")).unwrap();
    assert_eq!(relay.connections(), 1);
    for (cuts, fate) in [(1, Fate::CutBefore), (2, Fate::CutAfter)] {
        relay.next(fate);
        assert!(block_on(store.read(RecordKind::Keyset, ID)).unwrap().is_some(), "{fate:?}");
        assert_eq!(relay.connections(), 1 + cuts, "{fate:?}");
        let page = block_on(store.scan(RecordKind::Keyset, None, 9)).unwrap();
        assert_eq!((page.len(), relay.connections()), (1, 1 + cuts), "{fate:?}");
    }
}

/// It may have been done, and then the same write would be a conflict with itself.
#[test]
fn a_write_whose_outcome_is_unknown_is_not_asked_once_more() {
    let Some(server) = server("cut connections to Postgres") else { return };
    let (schema, relay) = (server.schema(), Relay::to(&server));
    let store = relay.store(&server, &schema.name);
    block_on(store.check()).unwrap();
    let mut revision = 0;
    for (fate, is_done) in [(Fate::CutBefore, 0), (Fate::CutAfter, 1), (Fate::Swallowed, 0)] {
        let connections = relay.connections();
        relay.next(fate);
        let error = block_on(store.write(RecordKind::Keyset, ID, revision, b"bytes")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{fate:?}");
        assert_eq!(relay.connections(), connections, "{fate:?}");
        revision += is_done;
        let record = block_on(store.read(RecordKind::Keyset, ID)).unwrap();
        assert_eq!(record.map_or(0, |record| record.revision), revision, "{fate:?}");
        assert_eq!(relay.connections(), connections + 1, "{fate:?}");
    }
}

/// As when something in between forgets a connection that was idle for long.
#[test]
fn a_connection_that_swallows_what_is_said_is_left() {
    let Some(server) = server("silent connections to Postgres") else { return };
    let (schema, relay) = (server.schema(), Relay::to(&server));
    let store = relay.store(&server, &schema.name);
    block_on(store.write(RecordKind::Keyset, ID, 0, b"one")).unwrap();
    relay.next(Fate::Swallowed);
    let error = block_on(store.read(RecordKind::Keyset, ID)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.to_string(), "the database server did not answer in time");
    assert_eq!(relay.connections(), 1, "the control");
    assert!(block_on(store.read(RecordKind::Keyset, ID)).unwrap().is_some());
    assert_eq!(relay.connections(), 2);
}

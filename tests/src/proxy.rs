//! A proxy that notes what it is asked for and lets nothing through.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// Its port, and the first line of each request so far.
pub fn start() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (port, asked) = (listener.local_addr().expect("an address").port(), Arc::new(Mutex::new(Vec::new())));
    let noted = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut line = String::new();
            let _ = BufReader::new(&stream).read_line(&mut line);
            noted.lock().expect("no panic").push(line.trim().to_owned());
            let _ = (&stream).write_all(b"HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\n\r\n");
        }
    });
    (port, asked)
}

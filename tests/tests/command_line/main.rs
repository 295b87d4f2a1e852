//! The command line, and the files of other programs that it reads and writes.

mod arguments;
mod aws_config;
mod cli;
mod completion;
mod configure;
mod credentials_file;
mod doctor;
mod environment;
mod handout;
mod import;
mod import_peers;
mod memory;
mod other_users;
mod profiles;
mod profiles_sync;
mod shell_init;
mod table;
mod terminal;
mod verbose;

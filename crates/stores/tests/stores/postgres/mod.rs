//! The Postgres store, on the server that `PHISEAL_POSTGRES` names (`cargo xtask servers postgres` starts one), each test
//! in a schema of its own, or on a server of the test's own.

mod cluster;
mod contract;
mod cuts;
mod forks;
mod outages;
mod processes;
mod refusals;
mod roles;
mod server;
mod tls;

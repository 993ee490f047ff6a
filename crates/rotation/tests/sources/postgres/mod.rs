//! PostgreSQL tables, on the server that `PHISEAL_POSTGRES` names (`cargo xtask servers postgres` starts one), each test's in a
//! schema of its own.

mod contract;
mod refusals;
mod server;
mod values;
mod writers;

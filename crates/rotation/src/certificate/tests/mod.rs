mod facts;
mod golden;
mod outcome;
mod page;
mod signed;
mod strict;

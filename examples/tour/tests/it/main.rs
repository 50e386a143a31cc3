//! The programs as they are: run, and what they print compared.

mod chess; // twelve hours against one
mod contexts; // what is sent, and what is not
mod crows; // wait, timeouts, cancellation and groups
mod every; // what holds for each of them
mod fib; // computing on threads and in processes
mod figures; // times and the like, which differ from run to run
mod flags; // many small files
mod generators; // values out and in
mod hello; // await, gather and tasks
mod how; // six ways to wait
mod http_randint; // the service over HTTP
mod pitfalls; // stalls and their remedies
mod program; // a program, run
mod randint_clients; // threads beside tasks as its clients
mod randint_server; // the service over TCP
mod readme; // the programs print what the guide says
mod shapes; // each crate in its three shapes
mod spinner; // a line that turns beside slow work
mod starvation; // who keeps the loop
mod sync; // locks, events, semaphores, conditions, queues

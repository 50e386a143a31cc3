//! cargo run -p tour --bin chess
//!
//! A champion plays many opponents in one hall. She moves within seconds, and they
//! think for nearly a minute. If she sits down with each until the game is over, she
//! waits most of the day. If she goes from board to board, and makes one move at each,
//! they think while she is elsewhere. There is still one champion, and she thinks no
//! faster: she only stopped waiting. So does one thread with many tasks.
//!
//! The day passes on tokio's paused clock, which jumps to the next time that anybody
//! waits for, whenever nobody has anything else to do.

use std::fmt;
use std::time::{Duration, Instant};

use aio_itertools::gather;
use tokio::sync::Mutex;
use tokio::time::{self, sleep};
use tour::args;

/// Plays many opponents: one game after another, and all at once
#[derive(Debug, clap::Parser)]
struct Args {
    /// How many opponents there are
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=100))]
    boards: u32,
    /// How many moves each side makes in a game
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=100))]
    moves: u32,
    /// How many seconds the champion thinks over a move
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=3600))]
    own: u32,
    /// How many seconds an opponent thinks over a move
    #[arg(long, default_value_t = 55, value_parser = clap::value_parser!(u32).range(0..=3600))]
    other: u32,
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    let args: Args = args::read();
    let champion = Mutex::new(Champion);
    let Args {
        boards,
        moves,
        own,
        other,
    } = args;
    println!("{boards} boards, {moves} moves of each side at a board;");
    println!("a move takes the champion {own} s, and an opponent {other} s:");

    let began = Instant::now(); // a clock on the wall, which goes on as always
    let morning = time::Instant::now(); // the paused clock
    one_after_another(&args, &champion).await;
    let long = morning.elapsed();
    println!("one after another: {}", Clock(long));

    let morning = time::Instant::now();
    at_once(&args, &champion).await;
    let short = morning.elapsed();
    println!("all at once:       {}", Clock(short));

    let thought = seconds(own) * boards * moves;
    println!("in both, the champion thinks for {}", Clock(thought));
    let (waited, waits) = (Clock(long - thought), Clock(short - thought));
    println!("and waits for {waited}, or for {waits}");
    let real = began.elapsed().as_secs_f64() * 1000.0;
    println!("by the clock on the wall, both took {real:.1} ms");
    let [long, short] = [long, short].map(|day| day.as_secs_f64() / 3600.0);
    println!("{long:.1} hours against {short:.1} hours");
}

/// The one person whom all opponents want: who holds her has her at the board.
struct Champion;

/// One game. It is the same in both forms: all depends on how it is awaited.
async fn game(args: &Args, champion: &Mutex<Champion>) {
    for _ in 0..args.moves {
        // tokio's lock is fair: boards get it in the order in which they asked.
        let at_the_board = champion.lock().await;
        sleep(seconds(args.own)).await;
        drop(at_the_board); // she goes on
        sleep(seconds(args.other)).await;
    }
}

async fn one_after_another(args: &Args, champion: &Mutex<Champion>) {
    for _ in 0..args.boards {
        game(args, champion).await;
    }
}

async fn at_once(args: &Args, champion: &Mutex<Champion>) {
    // Calling `game` starts nothing. Python's coroutines are alike in that.
    let games = (0..args.boards).map(|_| game(args, champion));
    gather(games).await;
}

fn seconds(count: u32) -> Duration {
    Duration::from_secs(count.into())
}

/// A time in hours, minutes and seconds.
struct Clock(Duration);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.0.as_secs() / 60;
        let (hours, minutes, seconds) = (minutes / 60, minutes % 60, self.0.as_secs() % 60);
        write!(f, "{hours} h {minutes} min")?;
        match seconds {
            0 => Ok(()),
            _ => write!(f, " {seconds} s"),
        }
    }
}

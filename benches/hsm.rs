//! Wraps by a token through this library, against bare calls of the binding with as many sessions, on the same key in the
//! same run; rounds of the two in turn. It needs the variables that `cargo xtask servers softhsm` prints.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a program of measurements: it stops when it cannot be set up, and prints what it measured"
)]

use cryptoki::context::Pkcs11;
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, ObjectHandle};
use cryptoki::session::Session;
use phiseal::backends::pkcs11::{Pin, Pkcs11Kek, Pkcs11Token};
use phiseal::{DataKey, EncryptionContext, KekBackend};
use std::sync::Barrier;
use std::time::Instant;

/// Callers at once.
const CALLERS: usize = 64;

fn main() {
    let tiny = std::env::args().any(|argument| argument == "--test");
    let (rounds, calls) = if tiny { (3, 2) } else { (21, 200) };
    println!("64 callers at once: tasks of one runtime with two threads, or threads of their own");
    println!(
        "{:<10} {:>8} {:>8} {:>12} {:>12} {:>12}",
        "sessions", "tasks", "threads", "tasks/s", "threads/s", "bare/s"
    );
    let only = std::env::args().filter_map(|argument| argument.parse().ok()).next();
    for sessions in only.map_or(vec![1, 2, 4, 16, 64], |only: usize| vec![only]) {
        compare(sessions, rounds, calls);
    }
}

fn compare(sessions: usize, rounds: usize, calls: usize) {
    let engine = phiseal::default_engine();
    let label = format!("bench {sessions} {}", std::process::id());
    let module = std::env::var_os("PHISEAL_SOFTHSM_MODULE").unwrap();
    let token = Pkcs11Token::builder(&module)
        .label(&std::env::var("PHISEAL_SOFTHSM_LABEL").unwrap())
        .pin(Pin::from_env("PHISEAL_SOFTHSM_PIN"))
        .workers(sessions)
        .open(engine)
        .unwrap();
    let kek = token.create_kek(&label).unwrap();
    let bare = Bare::new(&module, &label, sessions);
    let each = calls * CALLERS / sessions;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let measured: Vec<[f64; 3]> = (0..rounds)
        .map(|_| [task_rate(&runtime, &kek, calls), thread_rate(&kek, calls), bare.rate(each)])
        .collect();
    let of = |pick: &dyn Fn(&[f64; 3]) -> f64| median(measured.iter().map(pick).collect());
    let (tasks, threads) = (of(&|round| round[0] / round[2]), of(&|round| round[1] / round[2]));
    let rates = [0, 1, 2].map(|which| of(&|round| round[which]));
    let [by_tasks, by_threads, by_bare] = rates;
    println!(
        "{sessions:<10} {tasks:>8.3} {threads:>8.3} {by_tasks:>12.0} {by_threads:>12.0} {by_bare:>12.0}"
    );
}

/// Wraps in a second, by as many tasks as there are callers.
fn task_rate(runtime: &tokio::runtime::Runtime, kek: &Pkcs11Kek, calls: usize) -> f64 {
    let began = Instant::now();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..CALLERS)
            .map(|_| {
                let (kek, context) = (kek.clone(), context());
                let key = DataKey::generate(phiseal::default_engine()).unwrap();
                tokio::spawn(async move {
                    for _ in 0..calls {
                        drop(kek.wrap_key(&key, &context).await.unwrap());
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    (CALLERS * calls) as f64 / began.elapsed().as_secs_f64()
}

/// Wraps in a second, by as many threads as there are callers.
fn thread_rate(kek: &Pkcs11Kek, calls: usize) -> f64 {
    let context = context();
    let engine = phiseal::default_engine();
    rate(CALLERS, calls, |_| {
        let (kek, key, context) = (kek.clone(), DataKey::generate(engine).unwrap(), &context);
        move || drop(pollster::block_on(kek.wrap_key(&key, context)).unwrap())
    })
}

fn context() -> EncryptionContext {
    EncryptionContext::data_key(
        &phiseal::EnvironmentId::from_bytes([1; 16]),
        &phiseal::DomainId::from_bytes([2; 16]),
        1,
    )
}

/// Sessions of the binding, and the key in each.
struct Bare(Vec<std::sync::Mutex<Session>>, Vec<ObjectHandle>);

impl Bare {
    fn new(module: &std::ffi::OsStr, label: &str, sessions: usize) -> Self {
        let module = Pkcs11::new(module).unwrap();
        let slot = module.get_slots_with_initialized_token().unwrap()[0];
        let open = |_| {
            let session = module.open_ro_session(slot).unwrap();
            let label = Attribute::Label(label.as_bytes().to_vec());
            let key = session.find_objects(&[label]).unwrap()[0];
            (std::sync::Mutex::new(session), key)
        };
        let (sessions, keys) = (0..sessions).map(open).unzip();
        Self(sessions, keys)
    }

    /// Wraps in a second, by one thread for each session.
    fn rate(&self, calls: usize) -> f64 {
        let context = context();
        rate(self.0.len(), calls, |thread| {
            let (session, key) = (self.0[thread].lock().unwrap(), self.1[thread]);
            let aad = context.as_bytes();
            let engine = phiseal::default_engine();
            move || {
                let mut nonce = [0; 12];
                engine.fill_random(&mut nonce).unwrap();
                let parameters = GcmParams::new(&mut nonce, aad, 128.into()).unwrap();
                let wrapped = session.encrypt(&Mechanism::AesGcm(parameters), key, &[7; 32]);
                drop(wrapped.unwrap());
            }
        })
    }
}

/// Calls in a second: each of `threads` makes `calls`, from one moment on.
fn rate<F: FnMut()>(threads: usize, calls: usize, make: impl Fn(usize) -> F + Sync) -> f64 {
    let start = Barrier::new(threads + 1);
    let took = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                let (make, start) = (&make, &start);
                scope.spawn(move || {
                    let mut call = make(thread);
                    start.wait();
                    (0..calls).for_each(|_| call());
                })
            })
            .collect();
        start.wait();
        let began = Instant::now();
        running.into_iter().for_each(|thread| thread.join().unwrap());
        began.elapsed()
    });
    (threads * calls) as f64 / took.as_secs_f64()
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

//! Sealing and opening one field, by engine and size, beside the raw engine call with the same associated data.
#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up should stop")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use phiseal_benches::{Bench, SIZES};
use std::hint::black_box;
use std::time::Instant;

fn field(c: &mut Criterion) {
    for engine in phiseal::engines() {
        let bench = Bench::new(*engine).unwrap();
        let Bench { cipher, context, raw, aad, .. } = &bench;
        for direction in ["seal", "open"] {
            let mut group = c.benchmark_group(format!("{direction}/{}", engine.name()));
            for size in SIZES {
                group.throughput(Throughput::Bytes(size as u64));
                let plaintext = vec![0x5a; size];
                let mut out = vec![0; size + 57];
                let mut nonce = 0_u128;
                let mut sealed = plaintext.clone();
                let tag = raw.seal_in_place(&[9; 12], aad, &mut sealed).unwrap();
                let length = cipher.seal_into(&plaintext, context, &mut out).unwrap();
                let envelope = out[..length].to_vec();
                if direction == "seal" {
                    group.bench_function(BenchmarkId::new("raw", size), |b| {
                        b.iter(|| {
                            nonce += 1;
                            let nonce = nonce.to_be_bytes()[4..].try_into().unwrap();
                            black_box(
                                raw.seal_in_place(&nonce, black_box(aad), black_box(&mut sealed))
                                    .unwrap(),
                            )
                        });
                    });
                    group.bench_function(BenchmarkId::new("into", size), |b| {
                        b.iter(|| {
                            cipher
                                .seal_into(black_box(&plaintext), context, black_box(&mut out))
                                .unwrap()
                        });
                    });
                    group.bench_function(BenchmarkId::new("in place", size), |b| {
                        b.iter(|| cipher.seal_in_place(context, black_box(&mut out)).unwrap());
                    });
                } else {
                    group.bench_function(BenchmarkId::new("raw", size), |b| {
                        b.iter(|| {
                            raw.open_into(
                                &[9; 12],
                                black_box(aad),
                                black_box(&sealed),
                                &tag,
                                black_box(&mut out[..size]),
                            )
                            .unwrap();
                        });
                    });
                    group.bench_function(BenchmarkId::new("into", size), |b| {
                        b.iter(|| {
                            cipher
                                .open_into(black_box(&envelope), context, black_box(&mut out))
                                .unwrap()
                        });
                    });
                }
            }
            group.finish();
        }
    }
}

/// The whole way of an application's call: the domain's handle, a context built anew, memory of its own.
fn domain(c: &mut Criterion) {
    let mut group = c.benchmark_group("domain");
    for engine in phiseal::engines() {
        let bench = Bench::new(*engine).unwrap();
        let what = phiseal::context!(record = "r1029", field = "ssn");
        let sealed = bench.domain.seal([0x5a; 32], &what).unwrap();
        group.bench_function(BenchmarkId::new("seal", engine.name()), |b| {
            b.iter(|| bench.domain.seal(black_box([0x5a; 32]), &what).unwrap());
        });
        group.bench_function(BenchmarkId::new("open", engine.name()), |b| {
            b.iter(|| bench.domain.open::<Vec<u8>>(black_box(&sealed), &what).unwrap());
        });
        group.bench_function(BenchmarkId::new("cold", engine.name()), |b| {
            b.iter(|| Bench::new(*engine).unwrap());
        });
    }
    group.finish();
}

/// One cipher shared by one and by two threads: time per message of all of them together.
fn threads(c: &mut Criterion) {
    let mut group = c.benchmark_group("threads");
    group.throughput(Throughput::Elements(1));
    for engine in phiseal::engines() {
        for threads in [1_u32, 2] {
            group.bench_function(BenchmarkId::new(engine.name(), threads), |b| {
                let bench = Bench::new(*engine).unwrap();
                b.iter_custom(|messages| {
                    let each = messages.div_ceil(u64::from(threads));
                    let cipher = bench.domain.ready().unwrap();
                    let start = Instant::now();
                    std::thread::scope(|scope| {
                        for _ in 0..threads {
                            scope.spawn(|| {
                                let mut out = [0; 32 + 57];
                                for _ in 0..each {
                                    let plaintext = black_box(&[0x5a; 32]);
                                    while cipher
                                        .seal_into(plaintext, &bench.context, &mut out)
                                        .is_err()
                                    {
                                        // All reserved uses are spent; the domain reserves more.
                                        bench.domain.ready().unwrap();
                                    }
                                }
                            });
                        }
                    });
                    start.elapsed()
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, field, domain, threads);
criterion_main!(benches);

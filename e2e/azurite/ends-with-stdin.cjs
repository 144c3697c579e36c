// Whoever started this process holds its input open: when that ends, for whatever
// reason, this ends too, so that no run leaves an emulator behind.
process.stdin.on("end", () => process.exit(0)).resume();

// Runs the test files that it is given in one process, one after the other: they share a browser, and what the page's files
// cost once. A file that cannot be read ends the process with an error.
for (const file of process.argv.slice(2)) await import(file);

// pm2 start reference/deploy/pm2/ecosystem.config.cjs, in the folder that holds reference/ and .venv/, with the settings in the environment.
//
// A changed setting reaches the processes only by
//     pm2 reload reference/deploy/pm2/ecosystem.config.cjs --update-env
// because pm2 keeps the environment of the first start: `export ASYNC_INGESTION=false; pm2 restart ingest-api-8000` changes nothing.
// A rollback needs no restart at all: docs/runbook.md.

const python = (name, kill_timeout, ...args) => ({
  name,
  script: '.venv/bin/python',
  args: ['-m', 'reference', ...args],
  interpreter: 'none',
  exec_mode: 'fork', // one process each: pm2's cluster mode is for Node
  kill_timeout, // ms after SIGINT, which these take like SIGTERM; pm2's own 1.6 s would cut off what is in flight
  treekill: false, // the supervisor dismisses its workers itself
  exp_backoff_restart_delay: 100,
  stop_exit_codes: [2], // bad settings do not get better by trying again
});

module.exports = {
  apps: [
    ...['8000', '8001'].map((port) => python(`ingest-api-${port}`, 30000, 'api', '--host', '127.0.0.1', '--port', port)),
    python('ingest-workers', 30000, 'supervise', '--min', '1', '--max', '4', '--first-port', '9100'),
  ],
};

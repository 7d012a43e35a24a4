// Sends one exception and one message by the DSN in the environment. Arguments: the folder of installed packages.
import { createRequire } from "node:module";

const Sentry = createRequire(process.argv[2] + "/")("@sentry/node");
const { DSN, RELEASE, ENVIRONMENT, MARK } = process.env;
Sentry.init({ dsn: DSN, release: RELEASE, environment: ENVIRONMENT });
Sentry.withScope((scope) => {
  scope.setTransactionName("GET /courses");
  scope.setLevel("fatal");
  try {
    throw new RangeError(MARK);
  } catch (error) {
    Sentry.captureException(error);
  }
});
Sentry.captureMessage(`${MARK} was said`, "warning");
if (!(await Sentry.flush(10000))) process.exit(1);

const PROBE = { type: "header", key: "x-probe" };

export default {
  serverExternalPackages: ["pg"],
  turbopack: { root: import.meta.dirname },
  images: { localPatterns: [{ pathname: "/photo.png" }], qualities: [50, 75] },
  redirects: async () => [
    { source: "/show/moved", destination: "/show/still", permanent: true },
    { source: "/show/was/:slug", destination: "/show/posts/:slug", permanent: false },
    { source: "/show/number/:id(\\d+)", destination: "/show/posts/:id", statusCode: 301 },
    { source: "/show/probed", has: [PROBE], destination: "/show/still?probed=1", permanent: false },
    { source: "/show/abroad", destination: "https://elsewhere.example/home", permanent: false },
    { source: "/show/query", has: [{ type: "query", key: "to", value: "(?<to>[a-z]+)" }], destination: "/show/posts/:to", permanent: false },
  ],
  rewrites: async () => ({
    beforeFiles: [
      { source: "/app.css", has: [{ type: "cookie", key: "theme", value: "dark" }], destination: "/dark.css" },
      { source: "/show/before", destination: "/show/still" },
    ],
    afterFiles: [
      { source: "/show/alias/:slug", destination: "/show/posts/:slug" },
      { source: "/show/missing", missing: [PROBE], destination: "/show/still" },
      { source: "/show/api-alias", destination: "/api/show/echo?from=rewrite" },
    ],
    fallback: [{ source: "/show/last/:path*", destination: "/show/docs/:path*" }],
  }),
  headers: async () => [
    { source: "/show/:path*", headers: [{ key: "x-frame-options", value: "DENY" }] },
    { source: "/show/posts/:slug", headers: [{ key: "x-post", value: ":slug" }] },
    { source: "/show/still", has: [PROBE], headers: [{ key: "x-probed", value: "yes" }] },
    { source: "/show/still", missing: [PROBE], headers: [{ key: "x-probed", value: "no" }] },
    { source: "/photo.png", headers: [{ key: "cache-control", value: "public, max-age=60" }] },
  ],
};

/** @type {import("next").NextConfig} */
module.exports = {
  i18n: { locales: ["en", "de"], defaultLocale: "en" },
  poweredByHeader: false,
  eslint: { ignoreDuringBuilds: true },
  async redirects() {
    return [{ source: "/old/:slug", destination: "/posts/:slug", permanent: true }];
  },
  async rewrites() {
    return [{ source: "/alias", destination: "/posts/first" }];
  },
  async headers() {
    return [{ source: "/posts/:path*", headers: [{ key: "x-posts", value: "yes" }] }];
  },
};

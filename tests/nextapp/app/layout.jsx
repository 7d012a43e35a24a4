export const metadata = { title: { default: "Courses", template: "%s · LMS" }, icons: "/favicon.svg" };

export default function Layout({ children }) {
  return (
    <html lang="en">
      <head>
        <link rel="stylesheet" href="/app.css" />
      </head>
      <body>
        <header>
          <nav>
            <a href="/">LMS</a> <a href="/">Courses</a> <a href="/login">Sign in</a>
          </nav>
        </header>
        <main>{children}</main>
        <footer>LMS, a small demonstration app, with Next.js.</footer>
      </body>
    </html>
  );
}

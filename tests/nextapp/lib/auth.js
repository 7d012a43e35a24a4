import { scryptSync, timingSafeEqual } from "node:crypto";
import CredentialsProvider from "next-auth/providers/credentials";
import { rows } from "./db";

/** Whether `password` is the one that `stored` (scrypt$salt$hash, hex) was made of. */
function matches(password, stored) {
  const [kind, salt, wanted] = stored.split("$");
  if (kind !== "scrypt" || !wanted) return false;
  const found = scryptSync(password, Buffer.from(salt, "hex"), 64, { N: 4096, r: 8, p: 1 });
  return timingSafeEqual(found, Buffer.from(wanted, "hex"));
}

export const authOptions = {
  secret: process.env.NEXTAUTH_SECRET,
  session: { strategy: "jwt" },
  pages: { signIn: "/login" },
  providers: [
    CredentialsProvider({
      name: "Email and password",
      credentials: { email: { label: "Email", type: "email" }, password: { label: "Password", type: "password" } },
      async authorize({ email, password }) {
        const [user] = await rows('select id, email, name, "passwordHash" from "User" where email = $1', email);
        if (!user || !matches(password ?? "", user.passwordHash)) return null;
        return { id: user.id, email: user.email, name: user.name };
      },
    }),
  ],
  callbacks: {
    session: ({ session, token }) => ({ ...session, user: { ...session.user, id: token.sub } }),
  },
};

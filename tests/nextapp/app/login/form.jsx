"use client";

import { signIn } from "next-auth/react";

export function Form() {
  async function submit(event) {
    event.preventDefault();
    const { email, password } = Object.fromEntries(new FormData(event.target));
    await signIn("credentials", { email, password, callbackUrl: "/" });
  }
  return (
    <form className="card" onSubmit={submit}>
      <label htmlFor="email">Email</label>
      <input id="email" name="email" type="email" autoComplete="username" required />
      <label htmlFor="password">Password</label>
      <input id="password" name="password" type="password" autoComplete="current-password" required />
      <button>Sign in</button>
    </form>
  );
}

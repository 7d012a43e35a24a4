export const url = process.env.NEXTAUTH_URL;

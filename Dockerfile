# tailor's command line, for workers of a queue (docs/queue.md): docker build -t tailor .
FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No package needs its install script.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build

FROM node:20-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY package.json package-lock.json ./
# The queue's packages are optional peers, which npm ci leaves out, and npm install too while the package lists them as such; those
# of the page are in its build.
RUN npm ci --ignore-scripts --omit=dev \
  && queue=$(node -p "const { peerDependencies: all } = require('./package.json'); ['bullmq', 'ioredis', 'pg'].map((name) => name + '@' + all[name]).join(' ')") \
  && npm pkg delete devDependencies peerDependencies peerDependenciesMeta \
  && npm install --ignore-scripts --no-save $queue \
  && npm cache clean --force \
  && node -e "for (const name of ['bullmq', 'ioredis', 'pg']) require(name)"
COPY --from=build /app/bin bin
COPY --from=build /app/dist dist
COPY --from=build /app/docs docs
# Runs and the cache of the data are in volumes of the user that the image runs as.
RUN mkdir -p /runs /home/node/.cache && chown node:node /runs /home/node/.cache
USER node
VOLUME ["/runs", "/home/node/.cache"]
# A worker sees its queue: `docker run -e QUEUE_URL=...`; without a queue the image only has to start.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
  CMD if [ -n "$QUEUE_URL" ]; then node bin/tailor.js queue status "$QUEUE_URL"; else node bin/tailor.js --version; fi
ENTRYPOINT ["node", "bin/tailor.js"]
CMD ["--help"]
